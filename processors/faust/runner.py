"""A stage over the partitions that its consumer group gives to this worker, as a Faust app."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from faust.types import TP

from processors.faust import metrics
from processors.faust.intake import Intake
from processors.faust.kafka_log import KafkaLog, Names
from processors.faust.letters import Source
from processors.faust.log import Log
from processors.faust.partition import Partition
from processors.faust.transport import BatchConsumer, Fetched, StageApp
from processors.stage import Stage
from schemas.settings import Settings

logger = logging.getLogger(__name__)

State = TypeVar("State")

# A batch or two may wait between Faust and the partitions, which take them at once.
STREAM_BUFFER = 16


class StageRunner(Generic[State]):
    """Opens, feeds and closes the partitions of one stage.

    ``partitions``: how many every topic has that is spread; as in the settings where it is not given.
    """

    def __init__(
        self, stage: Stage[State], intake: Intake, settings: Settings, partitions: int | None = None
    ) -> None:
        self.stage = stage
        self.group = settings.kafka.topic_prefix + stage.name
        self.partitions: dict[int, Partition[State]] = {}
        self._intake = intake
        self._settings = settings
        self._partitions = partitions or settings.kafka.partitions
        self._topic = stage.source.full_name(settings.kafka)
        self._states = stage.states.full_name(settings.kafka)
        # A partition that is given up late is waited for by the whole group.
        self._close_s = settings.worker.session_timeout_s / 2

    @property
    def committed(self) -> int:
        """Records that were committed since the partitions were opened."""
        return sum(partition.committed for partition in self.partitions.values())

    def app(self) -> StageApp:
        """Return the Faust app that runs this stage."""
        app = StageApp(self.group, **_options(self._settings))
        app.penstock, app.stage_name = self._settings, self.stage.name
        source = app.topic(self._topic, key_serializer="raw", value_serializer="raw")

        @app.agent(source, name=self.stage.name)
        async def take(batches: Any) -> None:  # noqa: ANN401 - Faust's stream
            async for fetched in batches:
                self.take(fetched)

        @app.on_partitions_assigned.connect
        async def assigned(*event: Any, signal: Any, **_: Any) -> None:  # noqa: ANN401 - Faust's signals
            self.open(event[1], app.consumer)

        @app.on_partitions_revoked.connect
        @app.on_before_shutdown.connect
        async def revoked(*event: Any, signal: Any, **_: Any) -> None:  # noqa: ANN401 - Faust's signals
            await self.close()

        return app

    def take(self, fetched: Fetched) -> None:
        """Give a batch to its partition; one that is no longer ours is dropped."""
        record: Any = fetched.records[0]
        partition = self.partitions.get(record.partition)
        if partition is not None:
            partition.accept(fetched.epoch, fetched.records)

    def open(self, assigned: Iterable[TP], consumer: Any) -> None:  # noqa: ANN401 - a BatchConsumer
        """Start on the partitions that were assigned."""
        ours = sorted(tp.partition for tp in assigned if tp.topic == self._topic)
        logger.info("%s has partitions %s of %s", self.stage.name, ours, self._topic)
        consumer.has_room = self._has_room
        for number in ours:
            if number not in self.partitions:
                self.partitions[number] = self._partition(number, consumer.rewind)
                self.partitions[number].start()

    async def close(self) -> None:
        """Store everything and let every partition go: in a rebalance all are dealt out anew."""
        closing, self.partitions = self.partitions, {}
        await asyncio.gather(*(partition.close(self._close_s) for partition in closing.values()))
        for number in closing:
            for gauge in (metrics.LAG, metrics.STATES):
                if (self.stage.name, str(number)) in gauge._metrics:
                    gauge.remove(self.stage.name, str(number))

    def lag(self, consumer: BatchConsumer | None) -> int:
        """Return how many records wait in all partitions, and set the metric for each."""
        total = 0
        for number, partition in self.partitions.items():
            progress = None if consumer is None else consumer.progress(TP(self._topic, number))
            position, end = progress or (0, 0)
            lag = max(0, end - position) + partition.waiting
            metrics.LAG.labels(self.stage.name, str(number)).set(lag)
            total += lag
        return total

    def _partition(self, number: int, rewind: Callable[[], int]) -> Partition[State]:
        names = Names(self._topic, self._states, self.group, number)
        log: Log = KafkaLog(self._settings.kafka, names)
        source = Source(self.stage.name, self._topic, number, self.stage.source.key, self._partitions)
        return Partition(self.stage, source, log, intake=self._intake, settings=self._settings, rewind=rewind)

    def _has_room(self, tp: TP) -> bool:
        partition = self.partitions.get(tp.partition)
        return partition is not None and partition.has_room


def _options(settings: Settings) -> dict[str, Any]:
    first = settings.kafka.bootstrap_servers.split(",")[0]
    return {
        # The transport connects by our settings; the URL only names the transport.
        "broker": f"penstock://{first}",
        "autodiscover": False,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "stream_wait_empty": False,
        "stream_recovery_delay": 0.0,
        "stream_buffer_maxsize": STREAM_BUFFER,
        "web_enabled": False,
    }
