"""What Kafka remembers of the sink: where each partition stands, and the batches that were begun."""

import logging
from collections.abc import Collection, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.errors import UnavailableError
from schemas.kafka import connection
from schemas.settings import KafkaSettings
from sinks.clickhouse.patience import Patience
from sinks.clickhouse.ranges import Batch, Mark, read_mark
from sinks.clickhouse.record import Record

logger = logging.getLogger(__name__)

POLL_MS = 200


class PendingReader:
    """Reads marks, and the records of a batch that is pending, of partitions that others may have."""

    def __init__(self, settings: KafkaSettings, group: str, patience: Patience) -> None:
        self._settings = settings
        self._group = group
        self._patience = patience

    async def marks(self, partitions: Collection[TopicPartition]) -> Mapping[int, tuple[int | None, Mark]]:
        """Return each partition's committed offset, None where there is none, and what was said with it."""
        found = await self._patience.until_done(lambda: self._committed(list(partitions)))
        marks: dict[int, tuple[int | None, Mark]] = {}
        for each in partitions:
            offset, metadata = found.get(each, (-1, ""))
            marks[each.partition] = (offset, read_mark(metadata)) if offset >= 0 else (None, Mark())
        return marks

    async def read(self, batch: Batch) -> Sequence[Record]:
        """Return the records of a batch, ordered by partition and offset; fewer where Kafka dropped some."""
        return await self._patience.until_done(lambda: self._read(batch))

    async def _committed(self, partitions: list[TopicPartition]) -> Mapping[TopicPartition, tuple[int, str]]:
        admin = AIOKafkaAdminClient(**connection(self._settings))
        try:
            await admin.start()
            found = await admin.list_consumer_group_offsets(self._group, partitions=partitions)
        except (KafkaError, OSError) as exc:
            raise UnavailableError(f"Kafka does not tell the offsets of {self._group}: {exc!r}") from exc
        finally:
            await admin.close()
        return {place: (int(each.offset), str(each.metadata)) for place, each in found.items()}

    async def _read(self, batch: Batch) -> Sequence[Record]:
        consumer = AIOKafkaConsumer(
            **connection(self._settings),
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        try:
            await consumer.start()
            return await _records(consumer, batch)
        except (KafkaError, OSError) as exc:
            raise UnavailableError(
                f"Kafka does not give the pending batch of {batch.topic}: {exc!r}"
            ) from exc
        finally:
            await consumer.stop()


async def _records(consumer: AIOKafkaConsumer, batch: Batch) -> Sequence[Record]:
    wanted = {TopicPartition(batch.topic, each.partition): each for each in batch.ranges}
    consumer.assign(list(wanted))
    for place, each in wanted.items():
        consumer.seek(place, each.first)
    records: list[Record] = []
    unread = set(wanted)
    while unread:
        for place, some in (await consumer.getmany(*unread, timeout_ms=POLL_MS)).items():
            each = wanted[place]
            records += (record for record in some if each.first <= record.offset <= each.last)
        for place in list(unread):
            if await consumer.position(place) > wanted[place].last:
                unread.discard(place)
                consumer.pause(place)
    return sorted(records, key=lambda record: (record.partition, record.offset))
