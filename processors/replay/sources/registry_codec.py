"""A codec that asks the registry for schemas of other writers when it meets them."""

import asyncio
from typing import Any

from schemas.codec import Codec, Event
from schemas.codec.framing import schema_id_of
from schemas.errors import UnknownSchemaError
from schemas.registry import Registry
from schemas.settings import RegistrySettings


class RegistryCodec(Codec):
    """Values of Kafka and of ``event_log``. An id that the registry does not know is asked for once."""

    def __init__(self, settings: RegistrySettings) -> None:
        self._settings = settings
        self._unknown: set[int] = set()
        super().__init__(asyncio.run(self._asked()))

    def decode(self, value: bytes) -> Event:
        """Return the event in a framed value; raises as ``Codec.decode``, or UnavailableError."""
        try:
            return super().decode(value)
        except UnknownSchemaError as exc:
            if exc.schema_id in self._unknown:
                raise
        id_ = schema_id_of(value)
        try:
            self.learn(id_, asyncio.run(self._asked(id_)))
        except UnknownSchemaError:
            self._unknown.add(id_)
            raise
        return super().decode(value)

    async def _asked(self, schema_id: int | None = None) -> Any:  # noqa: ANN401 - ids, or the text of a schema
        registry = Registry(self._settings)
        try:
            if schema_id is not None:
                return await registry.schema(schema_id)
            return (await registry.codec())._ids
        finally:
            await registry.close()
