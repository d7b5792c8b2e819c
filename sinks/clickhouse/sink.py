"""The sink: a member of its consumer group, with a lane for each topic it has partitions of."""

import asyncio
import logging
from collections.abc import Collection

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from schemas.errors import UnavailableError
from schemas.kafka import METADATA_MAX_AGE_MS, connection
from schemas.settings import Settings
from schemas.topic_id import TopicIds
from schemas.topics import TOPICS, Topic
from sinks.clickhouse.lane import Lane, Shared
from sinks.clickhouse.patience import Waits
from sinks.clickhouse.pending import PendingReader
from sinks.clickhouse.writing import Writing

logger = logging.getLogger(__name__)

SESSION_MS = 6_000
# Time for a batch in hand to be seen through before its partitions are given up; it goes on elsewhere else.
LAST_BATCH_S = 4.0
# The store may be away for days; a sink that waits for it stays in the group.
MOST_IDLE_MS = 2**31 - 1
FETCH_BYTES = 8 << 20


def group_of(settings: Settings) -> str:
    """Return the name of the consumer group."""
    return f"{settings.kafka.topic_prefix}sink"


class Sink(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """Every stored topic into ClickHouse, together with all other sinks of the group."""

    def __init__(self, settings: Settings, writing: Writing, waits: Waits) -> None:
        self._waits = waits
        self._topics: dict[str, Topic] = {
            topic.full_name(settings.kafka): topic for topic in TOPICS if topic.stored
        }
        self._consumer = AIOKafkaConsumer(
            **connection(settings.kafka),
            group_id=group_of(settings),
            enable_auto_commit=False,
            isolation_level="read_committed",
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=SESSION_MS // 3,
            rebalance_timeout_ms=2 * SESSION_MS,
            max_poll_interval_ms=MOST_IDLE_MS,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_bytes=4 * FETCH_BYTES,
        )
        self._topic_ids = TopicIds(settings.kafka)
        self._shared = Shared(
            self._consumer,
            PendingReader(settings.kafka, group_of(settings), waits.kafka),
            self._topic_ids,
            writing,
            waits,
            settings.sink,
        )
        self._lanes: dict[Lane, asyncio.Task[None]] = {}
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Store what comes until cancelled; the batches in hand are seen through then.

        Raises:
            Exception: what ended a lane, which is a defect or a refusal that waiting does not mend.
        """
        await self._waits.kafka.until_done(self._start)
        try:
            self._consumer.subscribe(list(self._topics), listener=self)
            await self._failed
        finally:
            await self._stop_lanes()
            await self._consumer.stop()
            await self._topic_ids.close()

    async def _start(self) -> None:
        try:
            await self._consumer.start()
        except KafkaError as exc:
            raise UnavailableError(f"Kafka (setting kafka.bootstrap_servers): {exc!r}") from exc

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """See the batches in hand through, for as long as the group waits."""
        await self._stop_lanes()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Begin a lane for each topic."""
        await self._stop_lanes()
        for name, topic in self._topics.items():
            partitions = [place.partition for place in assigned if place.topic == name]
            if partitions:
                lane = Lane(self._shared, topic, name, partitions)
                self._lanes[lane] = asyncio.ensure_future(self._watch(lane, name))
        logger.info("the sink has %d partitions of %d topics", len(assigned), len(self._lanes))

    async def _watch(self, lane: Lane, name: str) -> None:
        try:
            await lane.run()
        except (CommitFailedError, IllegalStateError) as exc:
            # Another sink has the partitions by now, or they come back with the next assignment.
            logger.info("the partitions of %s are being moved: %s", name, exc)
        except Exception as exc:  # noqa: BLE001 - the outermost frame of a lane
            if not self._failed.done():
                self._failed.set_exception(exc)

    async def _stop_lanes(self) -> None:
        lanes, self._lanes = self._lanes, {}
        for lane in lanes:
            lane.stop()
        if not lanes:
            return
        _, unfinished = await asyncio.wait(lanes.values(), timeout=LAST_BATCH_S)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
