"""Facts on their way to Kafka, from a program that must never wait for them.

``emit`` puts a fact into a queue in memory; one task sends it. What holds:

- Order: facts of one key arrive in the order they were emitted. Once one waits on disk, later ones wait
  behind it.
- Kafka or the registry away: after ``hold_s`` what waits goes to the spool, marked ``spooled``, and is sent
  in order when they are back. What Kafka did not acknowledge goes back to the front, so a fact may arrive
  twice, its first arrivals in order; readers know it by its identity (a sample's boot_id and seq).
- An orderly stop spools what could not be sent. A kill -9 loses what was emitted in the last ``hold_s`` or so
  and is neither acknowledged nor on disk; never what is on disk.
- Bounds: the queue by records, the spool by bytes; above them the oldest go first, and are counted. A disk
  that is full or read-only costs facts only when the queue overflows too.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from aiokafka.errors import KafkaError

from producers.connector import Connector, reason
from producers.courier import NEVER, Courier
from producers.disk_queue import DiskQueue
from producers.envelope import Encoded, enclose, event_name
from producers.link import Link
from producers.parcels import Fact, Flying
from producers.patience import USUAL, Patience
from schemas.codec import Codec, Event
from schemas.kafka import connection
from schemas.settings import KafkaSettings, RegistrySettings
from schemas.topics import Topic

STOP_S = 5.0
_MOST_FLYING = 5000
_AT_ONCE = 1000

logger = logging.getLogger(__name__)


class EmitterStatistics(NamedTuple):
    """Counts since the start: emitted = delivered + dropped + refused + what waits or is under way.

    ``delivered`` also counts what an earlier run spooled; ``refused`` are facts that no try can deliver.
    """

    emitted: int
    delivered: int
    dropped: int
    refused: int
    waiting: int
    spool_records: int
    spool_bytes: int
    spool_torn: int
    connected: bool


class Emitter:
    """Use from one event loop. ``topics`` are those it writes; missing ones are created."""

    def __init__(
        self,
        kafka: KafkaSettings,
        registry: RegistrySettings,
        *,
        topics: Sequence[Topic],
        spool: Path,
        spool_bytes: int,
        queue_records: int = 10_000,
        patience: Patience = USUAL,
    ) -> None:
        self._kafka = kafka
        self._patience = patience
        self._queue_records = queue_records
        self._wake = asyncio.Event()
        self._connector = Connector(kafka, registry, topics, on_connect=self._wake.set)
        self._connector.first_retry_s = patience.first_retry_s
        self._connector.last_retry_s = patience.last_retry_s
        self._courier = Courier({topic.name: topic for topic in topics}, self._refuse)
        self._disk = DiskQueue(spool, spool_bytes, retry_s=patience.disk_s)
        # A fact's way: queue, then disk or flying, then delivered. While any flies, the disk is empty.
        self._queue: deque[Fact] = deque()
        self._flying: deque[Flying] = deque()
        self._airborne = 0
        self._moving: int | None = None  # the first fact that is on its way from one of these to the next
        self._task: asyncio.Task[None] | None = None
        self._stop_at_s: float | None = None
        self._emitted = self._delivered = self._dropped = self._refused = 0

    async def start(self) -> None:
        """Open the spool and begin to connect; Kafka need not be there.

        Raises:
            ConfigError: the settings of Kafka cannot work, or another process uses the spool.
        """
        connection(self._kafka)
        await self._disk.open()
        self._connector.start()
        self._task = asyncio.create_task(self._run(), name="emitter")

    def emit(self, topic: Topic, key: str, event: Event | Encoded) -> None:
        """Take a fact. Never waits, never raises."""
        if len(self._queue) >= self._queue_records:
            self._queue.popleft()
            self._dropped += 1
        self._queue.append(Fact(topic, key, event, time.monotonic(), self._emitted))
        self._emitted += 1
        self._wake.set()

    async def stop(self, timeout_s: float = STOP_S) -> None:
        """Send what can be sent within the timeout, spool the rest, and disconnect."""
        self._stop_at_s = time.monotonic() + timeout_s
        self._wake.set()
        if self._task is not None:
            await self._task
        await self._connector.stop()
        self._take_back()
        if self._queue:
            await self._spill()
        if self._queue:
            logger.error("%d facts are lost: neither Kafka nor the disk takes them", len(self._queue))
            self._dropped += len(self._queue)
            self._queue.clear()
        await self._disk.close()

    @property
    def statistics(self) -> EmitterStatistics:
        """The counts of this moment."""
        return EmitterStatistics(
            emitted=self._emitted,
            delivered=self._delivered,
            dropped=self._dropped + self._disk.dropped_total,
            refused=self._refused,
            waiting=len(self._queue) + self._airborne,
            spool_records=self._disk.records,
            spool_bytes=self._disk.pending_bytes,
            spool_torn=self._disk.torn_total,
            connected=self._connector.link is not None,
        )

    @property
    def settled(self) -> int:
        """How many facts, counted from the first, are no longer in memory alone.

        Kafka has them, or the disk, or they were given up and counted.
        """
        first = [flying.facts[0].number for flying in self._flying]
        if self._queue:
            first.append(self._queue[0].number)
        if self._moving is not None:
            first.append(self._moving)
        return min(first, default=self._emitted)

    async def _run(self) -> None:
        while not self._finished():
            try:
                async with asyncio.timeout(self._patience.poll_s):
                    await self._wake.wait()
            except TimeoutError:
                pass  # to see whether what flies is overdue, and what waits is old
            if self._patience.gather_s and self._stop_at_s is None:
                await asyncio.sleep(self._patience.gather_s)
            self._wake.clear()
            try:
                await self._turn()
            except Exception:
                logger.exception("the emitter failed in an unexpected way, and goes on")
                await asyncio.sleep(self._patience.poll_s)

    def _finished(self) -> bool:
        if self._stop_at_s is None:
            return False
        waits = self._queue or self._flying or self._disk.records
        return not waits or not self._connector.hopeful or time.monotonic() >= self._stop_at_s

    async def _turn(self) -> None:
        if trouble := self._reap():
            await self._lose_link(trouble)
        link, codec = self._connector.link, self._connector.codec
        if (link is None or self._disk.records) and self._waits_too_long() and self._disk.ready:
            await self._spill()
        if link is None or codec is None:
            self._connector.start()
        elif self._disk.records:
            await self._drain(link, codec)
        else:
            await self._hand_over(link, codec)

    def _waits_too_long(self) -> bool:
        if not self._queue:
            return False
        old = time.monotonic() - self._queue[0].since_s >= self._patience.hold_s
        return old or len(self._queue) * 2 > self._queue_records

    def _reap(self) -> str:
        """Forget what was acknowledged; return why the link must go, or nothing."""
        while self._flying and self._flying[0].acknowledged.done():
            failure = _failure(self._flying[0].acknowledged)
            if failure is not None and not isinstance(failure, NEVER):
                return reason(failure)
            facts = self._flying.popleft().facts
            self._airborne -= len(facts)
            if failure is None:
                self._delivered += len(facts)
            else:
                for fact in facts:
                    self._refuse(event_name(fact.event), failure)
        if self._flying and time.monotonic() - self._flying[0].since_s > self._patience.delivery_s:
            return f"no acknowledgement within {self._patience.delivery_s:.0f} s"
        return ""

    async def _lose_link(self, why: str) -> None:
        await self._connector.drop(why)
        self._take_back()

    def _take_back(self) -> None:
        """Put what flew and is not acknowledged back to the front."""
        back: list[Fact] = []
        while self._flying:
            facts, acknowledged, _ = self._flying.popleft()
            if acknowledged.done() and _failure(acknowledged) is None:
                self._delivered += len(facts)
            else:
                back += facts
        self._airborne = 0
        self._put_back(back)

    def _put_back(self, facts: Sequence[Fact]) -> None:
        """Put facts where they were in the queue; partitions of a batch may have gone and others not."""
        if facts:
            self._queue = deque(sorted((*facts, *self._queue), key=attrgetter("number")))

    async def _hand_over(self, link: Link, codec: Codec) -> None:
        while self._queue and self._airborne < _MOST_FLYING:
            self._moving = self._queue[0].number
            facts = [self._queue.popleft() for _ in range(min(_AT_ONCE, len(self._queue)))]
            sent: set[int] = set()
            try:
                async with asyncio.timeout(self._patience.delivery_s):
                    await self._courier.send(facts, link, codec, went=self._fly, sent=sent)
            except (KafkaError, OSError) as exc:
                self._put_back([fact for fact in facts if fact.number not in sent])
                await self._lose_link(reason(exc))
                return
            finally:
                self._moving = None

    def _fly(self, flying: Flying) -> None:
        flying.acknowledged.add_done_callback(self._landed)
        self._flying.append(flying)
        self._airborne += len(flying.facts)

    def _landed(self, acknowledged: asyncio.Future[object]) -> None:
        _failure(acknowledged)  # asyncio complains of failures that nobody looked at
        self._wake.set()

    async def _spill(self) -> None:
        """Move the queue to the disk; what the disk does not take stays at the front."""
        facts = []
        records = []
        self._moving = self._queue[0].number
        while self._queue:
            fact = self._queue.popleft()
            try:
                records.append(enclose(fact.topic.name, fact.key, fact.event))
            except Exception as exc:  # noqa: BLE001 - as in _hand_over
                self._refuse(event_name(fact.event), exc)
            else:
                facts.append(fact)
        try:
            written = await self._disk.write(records)
            self._put_back(facts[written:])
        finally:
            self._moving = None

    async def _drain(self, link: Link, codec: Codec) -> None:
        """Send the oldest records of the spool, and forget them when all are acknowledged."""
        batch = await self._disk.peek()
        try:
            async with asyncio.timeout(self._patience.delivery_s):
                self._delivered += await self._courier.deliver(batch.records, link, codec)
        except (KafkaError, OSError) as exc:
            await self._lose_link(reason(exc))
            return
        await self._disk.acknowledge(batch)
        self._wake.set()

    def _refuse(self, what: str, why: BaseException) -> None:
        self._refused += 1
        if self._refused & (self._refused - 1) == 0:  # the 1st, 2nd, 4th, 8th ...: never a flood
            logger.error("a %s can never be sent, %d so far: %r", what, self._refused, why)


def _failure(acknowledged: asyncio.Future[object]) -> BaseException | None:
    """Return why a record was not acknowledged; none where it was."""
    return asyncio.CancelledError() if acknowledged.cancelled() else acknowledged.exception()
