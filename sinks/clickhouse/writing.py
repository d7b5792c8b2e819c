"""One batch into ClickHouse: every record into the log, every event into the tables of its kind.

The same records with the same batch give the same insertions with the same tokens, however often this is done
and however far an earlier attempt came.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from processors.stage import Rejected
from schemas.errors import UnavailableError
from schemas.topics import Topic
from sinks.clickhouse import event_log
from sinks.clickhouse.culprits import Search
from sinks.clickhouse.envelope import Enclosed, enclose
from sinks.clickhouse.letters import Letters
from sinks.clickhouse.patience import Waits
from sinks.clickhouse.ranges import Batch
from sinks.clickhouse.record import Record
from sinks.clickhouse.sorting import schema_ids, sort
from sinks.clickhouse.store import BadBytesError, Store
from sinks.clickhouse.tables import intake
from sinks.clickhouse.writers import Writer, Writers
from sinks.metrics import EVENTS, TRANSCODED

logger = logging.getLogger(__name__)

Refused = dict[Enclosed, str]


class Writing:
    """Puts batches into the store; waits for as long as the store, the registry or Kafka is away."""

    def __init__(self, store: Store, writers: Writers, letters: Letters, waits: Waits) -> None:
        self._store = store
        self._writers = writers
        self._letters = letters
        self._waits = waits

    async def write(self, topic: Topic, batch: Batch, records: Sequence[Record]) -> None:
        """Store the records of a batch, ordered by partition and offset; done when all of it is there."""
        writers = await self._find_writers(records)
        found = sort(records, writers, topic.events, self._writers.codec)
        kinds = [event for event, events in found.events.items() if events]
        _, *refused = await asyncio.gather(
            self._log(batch, records), *(self._insert(batch, event, found.events[event]) for event in kinds)
        )
        rejected = [*found.rejected, *_records_of(refused, records)]
        if rejected:
            rejected.sort(key=lambda pair: (pair[0].partition, pair[0].offset))
            await self._waits.kafka.until_done(lambda: self._letters.send(batch.topic, rejected))
            _say(batch.topic, rejected)
        for event, out in zip(kinds, refused, strict=True):
            EVENTS.labels(event).inc(len(found.events[event]) - len(out))
        for event, count in found.transcoded.items():
            TRANSCODED.labels(event).inc(count)

    async def _find_writers(self, records: Sequence[Record]) -> Mapping[int, Writer]:
        writers = {}
        for schema_id in schema_ids(records):
            writers[schema_id] = await self._waits.registry.until_done(
                lambda wanted=schema_id: self._writers.find(wanted)  # type: ignore[misc] # a default binds now
            )
        return writers

    async def _log(self, batch: Batch, records: Sequence[Record]) -> Refused:
        rows = event_log.rows(batch.topic, records)
        table = event_log.TABLE

        async def attempt() -> None:
            try:
                await self._store.insert(table, event_log.COLUMNS, "RowBinary", rows, batch.token(table))
            except BadBytesError as exc:
                # Any bytes fit these columns: it is the server.
                raise UnavailableError(str(exc)) from exc

        await self._waits.clickhouse.until_done(attempt)
        return {}

    async def _insert(self, batch: Batch, event: str, events: Sequence[Enclosed]) -> Refused:
        """Insert the events of one kind and return those that ClickHouse cannot read."""
        refused: Refused = {}
        while len(refused) < len(events):
            rest = [each for each in events if each not in refused] if refused else events
            more = await self._insert_or_search(batch, event, rest)
            if not more:
                break
            refused |= more
        return refused

    async def _insert_or_search(self, batch: Batch, event: str, events: Sequence[Enclosed]) -> Refused:
        schema_id = self._writers.stored_ids[event]
        table = intake(event)
        rows = enclose(schema_id, batch.topic, events)

        async def attempt() -> Refused:
            try:
                await self._store.insert(table, (), "AvroConfluent", rows, batch.token(table))
            except BadBytesError as exc:
                search = Search(self._store, event, batch.topic, schema_id)
                return await search.culprits(events, str(exc))
            return {}

        return await self._waits.clickhouse.until_done(attempt)


def _records_of(refused: Sequence[Refused], records: Sequence[Record]) -> list[tuple[Record, Rejected]]:
    reasons = {(each.partition, each.offset): why for group in refused for each, why in group.items()}
    if not reasons:
        return []
    by_place = {(record.partition, record.offset): record for record in records}
    return [(by_place[place], Rejected("decode", why)) for place, why in reasons.items()]


def _say(topic: str, rejected: Sequence[tuple[Record, Rejected]]) -> None:
    record, why = rejected[0]
    logger.warning(
        "%d records of %s cannot be used and are dead letters; the first is partition %d offset %d: %s: %s",
        len(rejected),
        topic,
        record.partition,
        record.offset,
        why.reason,
        why.detail,
    )
