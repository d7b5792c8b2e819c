"""Who wrote a record: from the schema id of its prefix to what can be done with its body."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from fastavro.schema import to_parsing_canonical_form

from schemas.codec import Codec
from schemas.codec.catalog import latest, packaged
from schemas.errors import UnknownSchemaError
from schemas.registry import Registry
from sinks.clickhouse.envelope import stored_schema, subject


@dataclass(frozen=True, slots=True)
class Writer:
    """What one schema id means. ``event`` is empty where it is no event of ours: ``reason`` and ``detail``.

    ``as_is``: the bodies fit our newest schema, field by field; else they are resolved to it, one by one.
    """

    event: str = ""
    as_is: bool = False
    reason: str = ""
    detail: str = ""


class Writers:
    """The schemas of the registry, each asked for once, and the ids of our events in their envelopes."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[int, Writer] = {}
        self.codec = Codec({})
        self.stored_ids: Mapping[str, int] = {}

    async def register(self) -> None:
        """Register every event's stored form.

        Raises:
            UnavailableError: the registry is away.
            RefusedError: it does not take one.
        """
        self.stored_ids = {
            event: await self._registry.register(subject(latest(event)), stored_schema(latest(event).schema))
            for event in packaged()
        }

    async def find(self, schema_id: int) -> Writer:
        """Return what a schema id means; raises ``UnavailableError`` while the registry is away."""
        known = self._known.get(schema_id)
        if known is not None:
            return known
        try:
            text = await self._registry.schema(schema_id)
        except UnknownSchemaError as exc:
            # Not remembered: it may be registered later.
            return Writer(reason=exc.reason, detail=str(exc))
        writer = self._known[schema_id] = judge(text)
        self.codec.learn(schema_id, text)
        return writer


def judge(text: str) -> Writer:
    """Return what the schema of a writer means to us."""
    try:
        schema = json.loads(text)
        full_name = f"{schema['namespace']}.{schema['name']}"
        canonical = to_parsing_canonical_form(schema)
    except Exception as exc:  # noqa: BLE001 - whatever a stranger's schema makes fastavro raise
        return Writer(reason="decode", detail=f"its schema cannot be used: {type(exc).__name__} {exc}")
    for event in packaged():
        release = latest(event)
        if release.subject == full_name:
            return Writer(event, as_is=canonical == to_parsing_canonical_form(dict(release.schema)))
    return Writer(reason="unexpected_event", detail=f"{full_name} is no event of Penstock")
