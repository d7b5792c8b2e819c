"""A notifier between a real broker and real receivers, and what a test does to it."""

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment as MemberAssignment

from schemas.channel_document import ChannelDocument, canonical
from schemas.codec import Codec, Event
from schemas.events.channel_changed import ChannelChanged
from schemas.events.dead_letter import DeadLetter
from schemas.events.delivery_attempted import DeliveryAttempted
from schemas.events.notification_due import NotificationDue
from schemas.kafka import ensure_topics
from schemas.partition import partition_of
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.topics import CHANNELS, DEAD_LETTERS, NOTIFICATIONS, Topic
from sinks.notify.notifier import group_of
from sinks.notify.secrets import SecretBox, sealed
from sinks.notify.serve import EVENTS, serve

_FRESH = multiprocessing.get_context("forkserver")
_FRESH.set_forkserver_preload(["sinks.notify.serve"])
DEADLINE_S = 40.0


def _serve(settings: Settings) -> None:
    async def until_told() -> None:
        task = asyncio.ensure_future(serve(settings))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            task.result()

    asyncio.run(until_told())


class NotifierProcess:
    """A running notifier."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.process: BaseProcess = _FRESH.Process(target=_serve, args=(settings,), daemon=True)
        self.process.start()

    def kill(self) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()

    def stop(self) -> int | None:
        self.process.terminate()
        self.process.join(20)
        if self.process.is_alive():
            self.kill()
        return self.process.exitcode

    def health(self) -> dict[str, Any]:
        found = httpx.get(f"http://127.0.0.1:{self.settings.notifier.metrics_port}/healthz").json()
        assert isinstance(found, dict)
        return found


class Transaction(NamedTuple):
    """An open transaction that writes notifications."""

    producer: AIOKafkaProducer
    codec: Codec
    topic: str
    settings: Settings

    async def send(self, one: NotificationDue) -> None:
        partition = partition_of(one.rule_id, NOTIFICATIONS.partitions(self.settings.kafka))
        key, value = one.rule_id.encode(), self.codec.encode(one)
        await self.producer.send_and_wait(self.topic, value, key=key, partition=partition)


class World:
    """One prefix of topics."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.notifiers: list[NotifierProcess] = []
        self._codec: Codec | None = None
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> None:
        registry = Registry(self.settings.registry)
        self._codec = await registry.codec(EVENTS)
        await registry.close()
        await ensure_topics(self.settings.kafka, (CHANNELS, NOTIFICATIONS, DEAD_LETTERS))
        self._producer = AIOKafkaProducer(bootstrap_servers=self.settings.kafka.bootstrap_servers)
        await self._producer.start()

    async def close(self) -> None:
        for notifier in self.notifiers:
            if notifier.process.is_alive():
                notifier.kill()
        await self.close_producer()

    async def close_producer(self) -> None:
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Transaction"]:
        """One like a worker's: what it holds back, and all behind it, shows when the block ends."""
        assert self._codec is not None
        producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka.bootstrap_servers,
            transactional_id=f"{self.settings.kafka.topic_prefix}worker",
        )
        await producer.start()
        try:
            async with producer.transaction():
                yield Transaction(producer, self._codec, self._name(NOTIFICATIONS), self.settings)
        finally:
            await producer.stop()

    async def turns(self, notifier: NotifierProcess, number: int) -> None:
        """Give the notifier the time to send what it would, and see that it lives."""
        url = f"http://127.0.0.1:{notifier.settings.notifier.metrics_port}/healthz"
        async with httpx.AsyncClient() as http:
            for _ in range(number):
                assert (await http.get(url)).status_code == 200
                await asyncio.sleep(0.2)

    def start(self, settings: Settings | None = None) -> NotifierProcess:
        self.notifiers.append(NotifierProcess(settings or self.settings))
        return self.notifiers[-1]

    async def put_channel(self, channel: ChannelDocument, revision: int = 1) -> None:
        kept, _ = sealed(channel, SecretBox.of(self.settings))
        await self._put(
            CHANNELS, channel.id, ChannelChanged("", 0, channel.id, revision, False, "t", canonical(kept))
        )

    async def delete_channel(self, channel_id: str, revision: int) -> None:
        await self._put(CHANNELS, channel_id, ChannelChanged("", 0, channel_id, revision, True, "t", ""))

    async def put(self, *notifications: NotificationDue) -> None:
        for one in notifications:
            await self._put(NOTIFICATIONS, one.rule_id, one)

    async def put_bytes(self, value: bytes, key: str = "hot") -> None:
        assert self._producer is not None
        await self._producer.send_and_wait(self._name(NOTIFICATIONS), value, key=key.encode())

    async def _put(self, topic: Topic, key: str, event: Event) -> None:
        assert self._codec is not None
        assert self._producer is not None
        partitions = topic.partitions(self.settings.kafka)
        await self._producer.send_and_wait(
            self._name(topic),
            self._codec.encode(event),
            key=key.encode(),
            partition=partition_of(key, partitions),
        )

    async def attempts(self) -> list[DeliveryAttempted]:
        return [event for event in await self._events(NOTIFICATIONS) if isinstance(event, DeliveryAttempted)]

    async def letters(self) -> list[DeadLetter]:
        return [event for event in await self._events(DEAD_LETTERS) if isinstance(event, DeadLetter)]

    async def outcomes(self, *notifications: NotificationDue) -> list[list[str]]:
        """What became of each, in order."""
        found = await self.attempts()
        return [[each.outcome for each in found if each.notification_id == one.id] for one in notifications]

    async def committed(self) -> int:
        """How many records of the notifications are committed, of all partitions."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka.bootstrap_servers)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(group_of(self.settings))
        finally:
            await admin.close()
        return sum(at.offset for at in offsets.values() if at.offset >= 0)

    async def shares(self) -> list[int]:
        """How many partitions each member of the group has, once the group has settled."""
        return sorted((await self.members()).values())

    async def members(self) -> dict[str, int]:
        """The same by the names of the members."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka.bootstrap_servers)
        await admin.start()
        try:
            (answer,) = await admin.describe_consumer_groups([group_of(self.settings)])
        finally:
            await admin.close()
        (_, _, state, _, _, members, *_) = answer.groups[0]
        if state != "Stable":
            return {}
        shares = {member[0]: MemberAssignment.decode(member[4]).assignment for member in members}
        return {name: sum(len(numbers) for _, numbers in share) for name, share in shares.items()}

    async def end(self) -> int:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.kafka.bootstrap_servers)
        await consumer.start()
        try:
            places = self._places(NOTIFICATIONS)
            return sum((await consumer.end_offsets(places)).values())
        finally:
            await consumer.stop()

    async def until(self, condition: Callable[[], Awaitable[object]], what: str = "the condition") -> None:
        end = time.monotonic() + DEADLINE_S
        while not await condition():
            assert time.monotonic() < end, f"{what} did not hold within {DEADLINE_S} s"
            await asyncio.sleep(0.05)

    async def until_told(self, *expected: tuple[NotificationDue, list[str]]) -> None:
        """Wait until these have become of those."""
        wanted = [outcomes for _, outcomes in expected]
        found: list[list[str]] = []

        async def told() -> bool:
            nonlocal found
            found = await self.outcomes(*(one for one, _ in expected))
            return found == wanted

        try:
            await self.until(told)
        except AssertionError:
            raise AssertionError(f"{found} instead of {wanted}") from None

    def _name(self, topic: Topic) -> str:
        return topic.full_name(self.settings.kafka)

    def _places(self, topic: Topic) -> list[TopicPartition]:
        partitions = topic.partitions(self.settings.kafka)
        return [TopicPartition(self._name(topic), number) for number in range(partitions)]

    async def _events(self, topic: Topic) -> list[Event]:
        assert self._codec is not None
        consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.kafka.bootstrap_servers)
        await consumer.start()
        try:
            places = self._places(topic)
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            for place in places:
                consumer.seek(place, 0)
            found = []
            while not all([await consumer.position(place) >= ends[place] for place in places]):
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    found += [record.value for record in records]
            return [self._codec.decode(value) for value in found if len(value) > 10]
        finally:
            await consumer.stop()
