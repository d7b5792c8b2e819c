"""One topic of one sink: collects batches from the assigned partitions and sees each one through.

While a batch is being inserted the next one is collected. Offsets are committed by the group member, so a
sink that lost its partitions cannot mark anything: Kafka refuses its commit, and whoever has them now stores
the same batch with the same tokens.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from schemas.settings import SinkSettings
from schemas.topic_id import TopicIds
from schemas.topics import Topic
from sinks.clickhouse.collecting import Collected, Limits, ranges_of
from sinks.clickhouse.patience import Waits
from sinks.clickhouse.pending import PendingReader
from sinks.clickhouse.ranges import Batch, Mark, done
from sinks.clickhouse.record import Record
from sinks.clickhouse.writing import Writing
from sinks.metrics import BATCHES, BROKER_TO_ROW_SECONDS, LAG, RECORD_BYTES, RECORDS

logger = logging.getLogger(__name__)

POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Shared:
    """What the lanes of one sink have in common."""

    consumer: AIOKafkaConsumer
    pending: PendingReader
    topic_ids: TopicIds
    writing: Writing
    waits: Waits
    settings: SinkSettings


class Lane:
    """The assigned partitions of one topic. ``name`` is the topic's in Kafka."""

    def __init__(self, shared: Shared, topic: Topic, name: str, partitions: Collection[int]) -> None:
        self._shared = shared
        self._topic = topic
        self._name = name
        self._partitions = tuple(TopicPartition(name, partition) for partition in sorted(partitions))
        self._topic_id = ""
        self._carried: Sequence[Record] = ()
        self._stopping = asyncio.Event()
        self._positions: dict[int, int] = {}
        self._limits = Limits(shared.settings.batch_rows, shared.settings.batch_bytes)

    def stop(self) -> None:
        """Take no new batch; the one in hand is seen through."""
        self._stopping.set()

    async def run(self) -> None:
        """Store what is pending, then all that comes, until stopped."""
        await self._resume()
        collecting = asyncio.ensure_future(self._collect())
        try:
            while not self._stopping.is_set():
                records = await collecting
                if self._stopping.is_set():
                    return
                if records and await self._made_again():
                    self._carried = ()
                    await self._resume()
                    records = ()
                collecting = asyncio.ensure_future(self._collect())
                if records:
                    await self._store(records)
        finally:
            collecting.cancel()
            await asyncio.gather(collecting, return_exceptions=True)

    async def _collect(self) -> Sequence[Record]:
        """Return what has come, in batches that are full or old enough; nothing where nothing came."""
        collected = Collected(self._limits)
        self._carried = collected.add(self._carried)
        began = time.monotonic()
        while not collected.full and not self._stopping.is_set():
            wait_s = POLL_S
            if collected.records:
                wait_s = began + self._shared.settings.batch_age_s - time.monotonic()
                if wait_s <= 0:
                    break
            fetched = await self._shared.consumer.getmany(*self._partitions, timeout_ms=int(wait_s * 1000))
            if fetched and not collected.records:
                began = time.monotonic()
            self._carried = collected.add([record for some in fetched.values() for record in some])
        return sorted(collected.records, key=lambda record: (record.partition, record.offset))

    async def _store(self, records: Sequence[Record]) -> None:
        batch = Batch(self._name, self._topic_id, ranges_of(records))
        await self._commit({each.partition: (each.first, batch.metadata) for each in batch.ranges})
        await self._shared.writing.write(self._topic, batch, records)
        await self._commit_done(batch)
        BATCHES.labels(self._name, "stored").inc()
        RECORDS.labels(self._name).inc(len(records))
        RECORD_BYTES.labels(self._name).inc(sum(len(record.value or b"") for record in records))
        BROKER_TO_ROW_SECONDS.labels(self._name).observe(
            time.time() - min(record.timestamp for record in records) / 1000
        )
        self._positions |= {each.partition: each.last + 1 for each in batch.ranges}
        self._measure_lag()

    async def _resume(self) -> None:
        """Find out where every partition stands, and finish what another sink, or we, began."""
        self._topic_id = await self._current_id()
        waiting: dict[Mark, list[int]] = {}
        for partition, (offset, mark) in (await self._shared.pending.marks(self._partitions)).items():
            place = TopicPartition(self._name, partition)
            if mark.topic_id and self._topic_id and mark.topic_id != self._topic_id:
                logger.warning(
                    "%s was made again: partition %d is read from its start", self._name, partition
                )
                offset, mark = None, Mark()
            if mark.ranges:
                waiting.setdefault(mark, []).append(partition)
            elif offset is None:
                await self._shared.consumer.seek_to_beginning(place)
            else:
                self._shared.consumer.seek(place, offset)
        for mark, partitions in waiting.items():
            await self._finish(Batch(self._name, mark.topic_id, mark.ranges), partitions)

    async def _finish(self, batch: Batch, partitions: Collection[int]) -> None:
        """Store a pending batch as it was put together, and go on behind it."""
        records = await self._shared.pending.read(batch)
        logger.info("a batch of %d records of %s was pending: it is stored again", len(records), self._name)
        if records:
            await self._shared.writing.write(self._topic, batch, records)
        await self._commit_done(batch, partitions)
        for each in batch.ranges:
            if each.partition in partitions:
                self._shared.consumer.seek(TopicPartition(self._name, each.partition), each.last + 1)
        BATCHES.labels(self._name, "resumed").inc()

    async def _commit_done(self, batch: Batch, partitions: Collection[int] | None = None) -> None:
        stored = done(batch.topic_id)
        await self._commit(
            {
                each.partition: (each.last + 1, stored)
                for each in batch.ranges
                if partitions is None or each.partition in partitions
            }
        )

    async def _commit(self, offsets: Mapping[int, tuple[int, str]]) -> None:
        await self._shared.consumer.commit(
            {
                TopicPartition(self._name, partition): OffsetAndMetadata(offset, metadata)
                for partition, (offset, metadata) in offsets.items()
            }
        )

    async def _made_again(self) -> bool:
        """Whether the topic is another one by now: what was collected may be of either."""
        return await self._current_id() != self._topic_id

    async def _current_id(self) -> str:
        async def attempt() -> str:
            ids = await self._shared.topic_ids.of([self._name])
            return ids.get(self._name, "")

        return await self._shared.waits.kafka.until_done(attempt)

    def _measure_lag(self) -> None:
        """Offsets, not records: in a topic that is written in transactions a few of them are markers."""
        ends = {each.partition: self._shared.consumer.highwater(each) or 0 for each in self._partitions}
        behind = (ends[partition] - position for partition, position in self._positions.items())
        LAG.labels(self._name).set(sum(max(0, offsets) for offsets in behind))
