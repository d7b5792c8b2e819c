"""A Faust transport that hands over whole fetched batches, one for each partition.

Faust's cost is for each message, so one message holds the records of a fetch. With them goes an epoch: a
fetch that began before the partitions were sought elsewhere can end after it: its records are not used.
Positions are Faust's committed offsets, which the transactions of ``kafka_log`` write; Faust itself commits
nothing. Private parts of faust-streaming 0.15.3 are overridden here, so its version is pinned.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import faust
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import ConsumerStoppedError, KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from processors.faust import metrics
from processors.faust.letters import Record
from schemas.kafka import METADATA_MAX_AGE_MS, connection
from schemas.settings import Settings

logger = logging.getLogger(__name__)
# Faust's services speak through the logger of their module, which would be ours, at length.
FAUST_LOGGER = logging.getLogger("faust.penstock")

# How long a fetch waits while a partition that is left out of it may want records again.
PART_FETCH_S = 0.02
FULL_S = 0.01
RETRY_S = 1.0
DAY_MS = 24 * 3600 * 1000
HEARTBEATS_PER_SESSION = 4


class StageApp(faust.App):
    """A Faust app with our settings, which its transport reads."""

    logger = FAUST_LOGGER
    penstock: Settings
    stage_name: str

    def _create_directories(self) -> None:
        """None: there is no table that Faust would keep."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The records of one fetch and partition, and the epoch of the fetch."""

    epoch: int
    records: Sequence[Record]


class BatchConsumer(driver.Consumer):
    """Reads in batches and keeps count of seeks.

    ``has_room`` says which partitions should be fetched; what it says no to is not held up for the others.
    """

    logger = FAUST_LOGGER
    has_room: Callable[[TP], bool] = staticmethod(lambda _: True)
    app: StageApp

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as in the base
        super().__init__(*args, **kwargs)
        self._epoch = 0
        self._must_seek = False

    def rewind(self) -> int:
        """Have everything fetched again from where it is committed; return the epoch of those fetches."""
        self._epoch += 1
        self._must_seek = True
        return self._epoch

    def progress(self, tp: TP) -> tuple[int, int] | None:
        """Return the position of a partition and the offset after its last record, where they are known."""
        consumer = self._thread._consumer
        assignment = consumer and consumer._subscription.subscription
        if not assignment or tp not in assignment.assignment.tps:
            return None
        state = assignment.assignment.state_value(tp)
        if not state.has_valid_position or state.highwater is None:
            return None
        return int(state.position), int(state.highwater)

    async def perform_seek(self) -> None:
        """Seek every partition to its committed offset, the first offset where none is.

        The epoch is raised on both sides, so that no fetch that overlaps with the seek counts.
        """
        self._epoch += 1
        await super().perform_seek()
        self._epoch += 1

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek, also where nothing is committed: aiokafka leaves those partitions where they are."""
        committed = await super().seek_to_committed()
        new = [tp for tp, offset in committed.items() if not offset]
        if new:
            await self.seek_wait(await self.earliest_offsets(*new))
        return committed

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """Yield one message for each partition that a fetch has records of."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow.wait())
        epoch, records = await self._fetch(timeout)
        for tp, batch in records.items():
            if epoch != self._epoch or not self.flow_active or self.should_stop:
                return
            message = self._to_message(tp, batch[-1])
            message.value = cast(bytes, Fetched(epoch, batch))
            yield tp, message

    async def _fetch(self, timeout: float) -> tuple[int, Mapping[TP, Sequence[Any]]]:
        """Return the epoch of a fetch and its records: none when it was overtaken by a seek or failed."""
        try:
            if self._must_seek:
                self._must_seek = False
                await self.perform_seek()
            epoch = self._epoch
            records = await self._wanted_records(timeout)
        except ConsumerStoppedError:
            raise
        except (KafkaError, OSError, AssertionError, TimeoutError) as exc:
            # AssertionError: aiokafka was asked to seek with nothing assigned, in the middle of a rebalance.
            logger.warning("fetching failed and is tried again: %r", exc)
            self._must_seek = True
            await self.sleep(RETRY_S)
            return self._epoch, {}
        if epoch != self._epoch:
            # The positions may be past what this fetch took, and nobody else will see it.
            self._must_seek = True
            metrics.STALE_FETCHES.labels(self.app.stage_name).inc()
            return epoch, {}
        return epoch, {tp: batch for tp, batch in records.items() if batch}

    async def _wanted_records(self, timeout: float) -> Mapping[TP, Sequence[Any]]:
        active = self._get_active_partitions()
        wanted = {tp for tp in active if self.has_room(tp)}
        if not wanted:
            await asyncio.sleep(FULL_S)
            return {}
        some_left_out = len(wanted) < len(active)
        return await self._getmany(
            active_partitions=wanted, timeout=PART_FETCH_S if some_left_out else timeout
        )

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing to do: a gap is the inside of a batch."""

    def _new_offset(self, tp: TP) -> int | None:
        """Offsets are committed in transactions; forget what Faust has noted for a commit of its own."""
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return None

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing to do: the worker's own health knows what stands still."""

    def _new_consumer_thread(self) -> "ConsumerThread":
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Connects as every part of Penstock does, and reads only what is committed."""

    logger = FAUST_LOGGER

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:  # noqa: ANN401 - as in the base
        self._assignor = RoundRobinPartitionAssignor
        settings = cast(StageApp, self.consumer.app).penstock
        session_ms = int(settings.worker.session_timeout_s * 1000)
        return AIOKafkaConsumer(
            **connection(settings.kafka),
            group_id=self.app.conf.id,
            client_id="penstock-worker",
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            isolation_level="read_committed",
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=settings.worker.batch_records,
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // HEARTBEATS_PER_SESSION,
            rebalance_timeout_ms=max(session_ms, int(self.app.conf.broker_rebalance_timeout * 1000)),
            # A partition that waits for the registry is not fetched for as long as it takes.
            max_poll_interval_ms=DAY_MS,
        )


class IdleProducer(driver.Producer):
    """Faust's own producer, which has nothing to send and so does not connect."""

    logger = FAUST_LOGGER

    async def on_start(self) -> None:
        """Start nothing."""


class Transport(driver.Transport):
    """Registered as ``penstock://`` in the entry-point group ``faust.transports``."""

    Consumer: ClassVar[Any] = BatchConsumer
    Producer: ClassVar[Any] = IdleProducer
