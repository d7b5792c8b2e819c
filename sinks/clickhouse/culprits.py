"""Which records of a refused insertion ClickHouse cannot read.

An insertion goes in whole or not at all, so nothing has been stored when this starts, and nothing is stored
while it looks: it inserts into a table that leads nowhere. First the records that our own codec cannot read
are set aside; if the rest is refused all the same, halves of it are tried, and halves of those.

A refusal is believed only if a blank event of the same kind goes in right after it, and the record is refused
once more: a registry that is away looks like bytes that cannot be read.
"""

from collections.abc import Sequence

from schemas.codec.catalog import latest
from schemas.codec.serde import decode_body
from schemas.errors import DecodeError, UnavailableError
from sinks.clickhouse.envelope import Enclosed, blank, enclose
from sinks.clickhouse.store import BadBytesError, Store
from sinks.clickhouse.tables import trial


class Search:
    """A search among the events of one kind of a topic. ``schema_id`` is the envelope's."""

    def __init__(self, store: Store, event: str, topic: str, schema_id: int) -> None:
        self._store = store
        self._event = event
        self._topic = topic
        self._schema_id = schema_id
        self._blank = Enclosed(0, 0, 0, blank(latest(event).schema))

    async def culprits(self, events: Sequence[Enclosed], refusal: str) -> dict[Enclosed, str]:
        """Return the events that cannot be read, each with the reason.

        Raises:
            UnavailableError: the insertion was refused for something else than its bytes.
        """
        found = {event: reason for event in events if (reason := self._unreadable(event))}
        rest = [event for event in events if event not in found]
        found |= await self._refused(rest)
        if not found:
            raise UnavailableError(f"ClickHouse refuses what it can read: {refusal}")
        return found

    def _unreadable(self, event: Enclosed) -> str:
        try:
            decode_body(self._event, event.body)
        except DecodeError as exc:
            return str(exc)
        return ""

    async def _refused(self, events: Sequence[Enclosed]) -> dict[Enclosed, str]:
        refusal = await self._try(events) if events else ""
        if not refusal:
            return {}
        if len(events) == 1:
            await self._prove()
            again = await self._try(events)
            return {events[0]: again} if again else {}
        middle = len(events) // 2
        return await self._refused(events[:middle]) | await self._refused(events[middle:])

    async def _prove(self) -> None:
        refusal = await self._try([self._blank])
        if refusal:
            raise UnavailableError(f"ClickHouse cannot read any {self._event} now: {refusal}")

    async def _try(self, events: Sequence[Enclosed]) -> str:
        """Return why ClickHouse cannot read the events; empty: it can."""
        rows = enclose(self._schema_id, self._topic, events)
        try:
            await self._store.insert(trial(self._event), (), "AvroConfluent", rows)
        except BadBytesError as exc:
            return str(exc)
        return ""
