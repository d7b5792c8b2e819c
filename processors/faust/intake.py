"""Bytes to events, with schemas of other writers learnt from the registry.

An outage of the registry makes no dead letters: who needs an unknown schema waits. An id that the registry
does not know is refused, and not asked for again for a while.
"""

import asyncio
import logging
import time
from typing import Protocol

from schemas.codec import Codec, Event
from schemas.errors import RefusedError, UnavailableError, UnknownSchemaError

logger = logging.getLogger(__name__)

REFUSED_FOR_S = 60.0
# A flood of made-up ids must not turn into a flood of questions that holds everything up.
LOOKUPS_PER_MINUTE = 200
REFUSED_KEPT = 10_000


class Schemas(Protocol):
    """Where the schema of an id is found; ``schemas.registry.Registry`` is one."""

    async def schema(self, schema_id: int) -> str:
        """Return the schema text of an id, or raise UnknownSchemaError or UnavailableError."""
        ...


class Intake:
    """Decodes for every partition of a worker."""

    def __init__(self, codec: Codec, schemas: Schemas) -> None:
        self.codec = codec
        self._schemas = schemas
        self._lock = asyncio.Lock()
        self._refused_until: dict[int, float] = {}
        self._lookups = 0
        self._lookups_since = 0.0

    async def learnt(self, value: bytes, schema_id: int) -> Event:
        """Return the event of a value whose schema id the codec did not know.

        Raises:
            UnknownSchemaError: the registry does not know it either.
            EventError: it does, and the value cannot be read with it.
        """
        async with self._lock:
            try:
                return self.codec.decode(value)
            except UnknownSchemaError:
                self._refuse_if_known(schema_id)
            self.codec.learn(schema_id, await self._ask(schema_id))
        return self.codec.decode(value)

    def _refuse_if_known(self, schema_id: int) -> None:
        now = time.monotonic()
        if now - self._lookups_since > 60:
            self._lookups, self._lookups_since = 0, now
        if self._refused_until.get(schema_id, 0.0) > now or self._lookups >= LOOKUPS_PER_MINUTE:
            raise UnknownSchemaError(schema_id)
        self._lookups += 1

    async def _ask(self, schema_id: int) -> str:
        silent = False
        while True:
            try:
                return await self._schemas.schema(schema_id)
            except UnknownSchemaError:
                self._remember(schema_id)
                raise
            except (UnavailableError, RefusedError) as exc:
                if not silent:
                    logger.warning("waiting for the schema with id %d: %s", schema_id, exc)
                    silent = True
                await asyncio.sleep(getattr(exc, "retry_after_s", 1.0))

    def _remember(self, schema_id: int) -> None:
        if len(self._refused_until) >= REFUSED_KEPT:
            self._refused_until.clear()
        self._refused_until[schema_id] = time.monotonic() + REFUSED_FOR_S
