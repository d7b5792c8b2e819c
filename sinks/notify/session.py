"""What a notifier does with the partitions that it has been given, until it is told to leave them.

First it reads each from the last commit to the end, to learn what was delivered; then it reads again from
there, and sends. What it leaves unsettled the next owner finds behind the commit.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from schemas.codec import Event
from schemas.errors import EventError
from schemas.events.notification_due import NotificationDue
from sinks.notify.backlog import Backlog
from sinks.notify.channel import Receipt
from sinks.notify.delivery import Delivery, Place, delivery_of
from sinks.notify.destination import Destination
from sinks.notify.ends import ends_of
from sinks.notify.lease import Lease
from sinks.notify.metrics import LAG, READING
from sinks.notify.offsets import Offsets
from sinks.notify.reading import decoded
from sinks.notify.services import Services
from sinks.notify.shared import Shared
from sinks.notify.ways import Way

logger = logging.getLogger(__name__)

POLL_MS = 200
MOST_RECORDS = 500
COMMIT_S = 0.5
AWAKE_S = 0.2
MOST_DROPPING = 1000
# For attempts under way, while the group waits for the partitions. A receiver may take longer.
LAST_S = 4.0
# Reading goes on when this share of the most has gone.
RESUME_SHARE = 0.1
REDELIVERY = "redelivery"
OVER = "over before it could be told"
OVERTAKEN = "something later for the same group says all it says"


class Session:
    """From one assignment to the next. ``run`` ends with an error only where there is a defect."""

    def __init__(
        self, services: Services, consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
    ) -> None:
        self._services = services
        self._settings = services.settings.notifier
        self._consumer = consumer
        self._partitions = sorted(partitions)
        self._topic = self._partitions[0].topic if self._partitions else ""
        self._offsets: dict[int, Offsets] = {}
        self._backlogs: dict[int, tuple[Backlog, int]] = {}
        self._committed: dict[int, int] = {}
        self._destinations: dict[str, Destination] = {}
        self._dropping: set[asyncio.Task[None]] = set()
        self._waiting = self._bodies = 0
        self._paused = False
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lease = Lease(services.settings.notifier.session_timeout_s, services.clock.monotonic_s())
        self._shared = Shared(
            self._settings,
            services.clock,
            services.settling,
            services.recall,
            self._settled,
            self._fail,
            self._lease.hold_s,
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Send until cancelled.

        Raises:
            Exception: a defect.
        """
        await self._services.directory.whole.wait()
        await self._services.patience.until_done("kafka", self._learn)
        self._tasks = [
            asyncio.create_task(self._read()),
            asyncio.create_task(self._commit_now_and_then()),
            asyncio.create_task(self._stay_awake()),
        ]
        await asyncio.wait([self._failed, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        for done in (self._failed, *self._tasks):
            if done.done():
                done.result()

    async def close(self) -> None:
        """See through what is being tried, for as long as the group waits, and commit."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(each.stop(LAST_S) for each in self._destinations.values()))
        if self._dropping:
            await asyncio.wait(set(self._dropping), timeout=LAST_S)
        for task in self._dropping:
            task.cancel()
        self._failed.cancel()
        await self._commit()

    async def _learn(self) -> None:
        """Read from the last commit to the end, and go back."""
        ends = await ends_of(self._services.settings.kafka, self._partitions)
        begins = await self._begins(ends)
        backlogs = {place.partition: Backlog() for place in self._partitions}
        for place, begin in begins.items():
            self._consumer.seek(place, begin)
        while not await self._reached(ends):
            for place, records in (await self._fetch()).items():
                for record in records:
                    event = await self._event(record)
                    if event is not None:
                        backlogs[place.partition].tell(event, record.offset)
        for place, begin in begins.items():
            self._consumer.seek(place, begin)
            self._offsets[place.partition] = Offsets(begin)
            self._committed[place.partition] = begin
            self._backlogs[place.partition] = (backlogs[place.partition], ends[place])
        behind = sum(ends[place] - begin for place, begin in begins.items())
        logger.info("the notifier has %d partitions, %d records behind", len(self._partitions), behind)

    async def _begins(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        beginnings = await self._consumer.beginning_offsets(self._partitions)
        begins = {}
        for place in self._partitions:
            committed = await self._consumer.committed(place)
            inside = committed is not None and beginnings[place] <= committed <= ends[place]
            # Beyond the end: the topic was made again.
            begins[place] = committed if inside else beginnings[place]
        return begins

    async def _reached(self, ends: Mapping[TopicPartition, int]) -> bool:
        # A transaction's marker takes an offset and is never handed out: only the position passes it.
        return all([await self._consumer.position(place) >= end for place, end in ends.items()])

    async def _fetch(self) -> Mapping[TopicPartition, list[ConsumerRecord]]:
        async def attempt() -> Mapping[TopicPartition, list[ConsumerRecord]]:
            found: Mapping[TopicPartition, list[ConsumerRecord]] = await self._consumer.getmany(
                *self._partitions, timeout_ms=POLL_MS, max_records=MOST_RECORDS
            )
            return found

        return await self._services.patience.until_done("kafka", attempt)

    async def _read(self) -> None:
        while True:
            for place, records in (await self._fetch()).items():
                for record in records:
                    await self._take(place.partition, record)
            self._mind_memory()
            self._measure_lag()

    async def _take(self, partition: int, record: ConsumerRecord) -> None:
        event = await self._event(record, bury=True)
        offsets = self._offsets[partition]
        if not isinstance(event, NotificationDue):
            offsets.read(record.offset, 0)
            return
        backlog = self._backlog(partition, record.offset)
        now = self._services.clock.wall_us()
        going: list[tuple[Delivery, str]] = []
        for channel_id in dict.fromkeys(event.channels):
            delivery = self._delivery(event, channel_id, Place(partition, record.offset), record)
            if backlog is None:
                going.append((delivery, ""))
                continue
            is_old = now - record.timestamp * 1000 > self._destination(channel_id).give_up_s() * 1e6
            fate = backlog.fate(event, channel_id, record.offset, is_old=is_old)
            if fate != "settled":
                self._count_on(delivery, backlog, event)
                going.append((delivery, {"over": OVER, "overtaken": OVERTAKEN}.get(fate, "")))
        offsets.read(record.offset, len(going))
        for delivery, why_not in going:
            self._waiting += 1
            if why_not:
                await self._drop(delivery, why_not)
            else:
                self._destination(delivery.channel_id).put(delivery)

    def _delivery(
        self, event: NotificationDue, channel_id: str, place: Place, record: ConsumerRecord
    ) -> Delivery:
        now = self._services.clock.monotonic_s()
        give_up_s = self._destination(channel_id).give_up_s()
        delivery = delivery_of(event, channel_id, place, now, now + give_up_s)
        delivery.again = next((value.decode() for name, value in record.headers if name == REDELIVERY), "")
        if self._bodies >= self._settings.bodies:
            delivery.body = None
        else:
            self._bodies += 1
        return delivery

    def _count_on(self, delivery: Delivery, backlog: Backlog, event: NotificationDue) -> None:
        """Go on where another stopped: its attempts count, and so does the time since the first."""
        tried = backlog.tried(event, delivery.channel_id, delivery.place.offset)
        if tried.attempts:
            since_s = (self._services.clock.wall_us() - tried.began_us) / 1e6
            # A clock that stepped makes the time neither negative nor longer than all of it.
            delivery.expires_s -= min(max(0.0, since_s), delivery.expires_s - delivery.due_s)
            delivery.attempts, delivery.began_us = tried

    def _backlog(self, partition: int, offset: int) -> Backlog | None:
        backlog, end = self._backlogs.get(partition, (None, 0))
        if backlog is not None and offset >= end:
            del self._backlogs[partition]
            return None
        return backlog

    def _destination(self, channel_id: str) -> Destination:
        found = self._destinations.get(channel_id)
        if found is None:
            services = self._services
            way = Way(channel_id, services.directory, services.secrets, services.network)
            found = self._destinations[channel_id] = Destination(channel_id, way, self._shared)
            found.start()
        return found

    async def _drop(self, delivery: Delivery, why: str) -> None:
        async def drop() -> None:
            await self._services.settling.record(delivery, "dropped", Receipt("refused", said=why))
            self._settled(delivery)

        if len(self._dropping) >= MOST_DROPPING:
            await asyncio.wait(self._dropping, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(drop())
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)

    def _settled(self, delivery: Delivery) -> None:
        self._offsets[delivery.place.partition].settle(delivery.place.offset)
        self._waiting -= 1
        if delivery.body is not None:
            self._bodies -= 1

    def _fail(self, trouble: BaseException) -> None:
        if not self._failed.done():
            self._failed.set_exception(trouble)

    def _mind_memory(self) -> None:
        """Read no more while too much waits; what is not read, Kafka keeps."""
        most = self._settings.waiting
        if not self._paused and self._waiting >= most:
            logger.warning("%d messages wait: no more are read until fewer do", self._waiting)
            self._consumer.pause(*self._partitions)
            self._paused = True
        elif self._paused and self._waiting <= most * (1 - RESUME_SHARE):
            self._consumer.resume(*self._partitions)
            self._paused = False
        READING.set(0 if self._paused else 1)

    def _measure_lag(self) -> None:
        behind = 0
        for place in self._partitions:
            end = self._consumer.highwater(place)
            behind += max(0, (end or 0) - self._offsets[place.partition].committable)
        LAG.set(behind)

    async def _event(self, record: ConsumerRecord, *, bury: bool = False) -> Event | None:
        if record.value is None:
            return None
        services = self._services
        try:
            return await services.patience.until_done(
                "registry", lambda: decoded(record.value, services.codec, services.registry)
            )
        except EventError as exc:
            if bury:
                place = Place(record.partition, record.offset)
                await services.facts.bury_record(place, record.key or b"", record.value, exc.reason, str(exc))
            return None

    async def _stay_awake(self) -> None:
        while True:
            self._lease.renew(self._services.clock.monotonic_s())
            await asyncio.sleep(AWAKE_S)

    async def _commit_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_S)
            await self._commit()

    async def _commit(self) -> None:
        news: dict[Any, int] = {
            TopicPartition(self._topic, partition): offsets.committable
            for partition, offsets in self._offsets.items()
            if offsets.committable != self._committed[partition]
        }
        if not news:
            return
        try:
            await self._consumer.commit(news)
        except (CommitFailedError, IllegalStateError) as exc:
            logger.info("the partitions are being moved: %s", exc)
        except KafkaError as exc:
            logger.warning("Kafka does not take the offsets, they are told again: %r", exc)
        else:
            self._committed |= {place.partition: offset for place, offset in news.items()}
