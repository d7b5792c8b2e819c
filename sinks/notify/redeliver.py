"""Delivers again what was given up or refused: a copy of each notification is put behind the others.

The copy has the id of the first, so a receiver that took it then can tell, names the channel alone, and comes
with a header that says that it is a redelivery. The notifier sends it as anything else.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import EventError, UnavailableError
from schemas.events.delivery_attempted import DeliveryAttempted
from schemas.events.notification_due import NotificationDue
from schemas.kafka import compression, connection
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.topics import NOTIFICATIONS
from sinks.notify.reading import decoded
from sinks.notify.session import REDELIVERY

EVENTS = ("notification_due", "delivery_attempted")
FAILED = ("gave_up", "refused")
POLL_MS = 500


class Wanted(NamedTuple):
    """What is delivered again. ``since_us`` is µs since the epoch: of the fact that it was given up."""

    channel_id: str = ""
    since_us: int = 0


class Again(NamedTuple):
    """One to be delivered again, and the partition it belongs to."""

    notification: NotificationDue
    channel_id: str
    partition: int
    offset: int


class Found(NamedTuple):
    """What is delivered again, in order, and how many openings and updates are not: they are over by now."""

    again: tuple[Again, ...]
    over: int


class Search:
    """Takes in the topic of notifications, partition by partition in order. Pure."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._notifications: dict[str, tuple[NotificationDue, int, int]] = {}
        self._last: dict[tuple[str, str], DeliveryAttempted] = {}
        self._over: set[tuple[str, str]] = set()

    def tell(self, event: object, partition: int, offset: int) -> None:
        """Take in a record."""
        if isinstance(event, NotificationDue):
            self._notifications[event.id] = (event, partition, offset)
            # A copy waits for what becomes of it.
            for channel_id in event.channels:
                self._last.pop((event.id, channel_id), None)
        elif isinstance(event, DeliveryAttempted):
            self._last[event.notification_id, event.channel_id] = event

    def found(self) -> Found:
        """Return what is to be delivered again."""
        for (notification_id, channel_id), fact in self._last.items():
            known = self._notifications.get(notification_id)
            if known and known[0].kind == "resolved" and fact.outcome == "delivered":
                self._over.add((fact.group_id, channel_id))
        again = [one for key in self._last if (one := self._one(*key)) is not None]
        kept = [one for one in again if not self._is_over(one)]
        return Found(tuple(sorted(kept, key=lambda one: one[2:])), len(again) - len(kept))

    def _one(self, notification_id: str, channel_id: str) -> Again | None:
        fact = self._last[notification_id, channel_id]
        known = self._notifications.get(notification_id)
        if known is None or fact.outcome not in FAILED or fact.occurred_at < self._wanted.since_us:
            return None
        if self._wanted.channel_id not in ("", channel_id):
            return None
        notification, partition, offset = known
        return Again(notification._replace(channels=(channel_id,)), channel_id, partition, offset)

    def _is_over(self, one: Again) -> bool:
        """Whether the channel has had the resolve: to open again what is over would be false."""
        return (
            one.notification.kind != "resolved" and (one.notification.group_id, one.channel_id) in self._over
        )


async def redeliver(settings: Settings, wanted: Wanted, now_us: int, *, dry_run: bool = False) -> Found:
    """Find what was given up, put copies of it into Kafka unless told not to, and return what was found.

    Raises:
        UnavailableError: Kafka or the registry is away.
    """
    registry = Registry(settings.registry)
    try:
        codec = await registry.codec(EVENTS)
        found = await _search(settings, wanted, registry)
        if found.again and not dry_run:
            values = [codec.encode(one.notification) for one in found.again]
            await _send(settings, found.again, values, str(now_us).encode())
        return found
    except KafkaError as exc:
        address = settings.kafka.bootstrap_servers
        raise UnavailableError(f"Kafka at {address} (setting kafka.bootstrap_servers): {exc!r}") from exc
    finally:
        await registry.close()


async def _search(settings: Settings, wanted: Wanted, registry: Registry) -> Found:
    search, codec = Search(wanted), await registry.codec(EVENTS)
    topic = NOTIFICATIONS.full_name(settings.kafka)
    # Without a group it gets every partition of the topic.
    consumer = AIOKafkaConsumer(
        topic,
        **connection(settings.kafka),
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        places = sorted(consumer.assignment())
        if not places:
            raise UnavailableError(f"Kafka has no topic {topic} yet: the notifier makes it")
        ends = await consumer.end_offsets(places)
        for place, beginning in (await consumer.beginning_offsets(places)).items():
            consumer.seek(place, beginning)
        while not await _reached(consumer, ends):
            for place, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                for record in records:
                    try:
                        event = await decoded(record.value or b"", codec, registry)
                    except EventError:
                        continue
                    search.tell(event, place.partition, record.offset)
        return search.found()
    finally:
        await consumer.stop()


async def _reached(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    return all([await consumer.position(place) >= end for place, end in ends.items()])


async def _send(settings: Settings, again: Sequence[Again], values: Sequence[bytes], name: bytes) -> None:
    producer = AIOKafkaProducer(
        **connection(settings.kafka),
        acks="all",
        enable_idempotence=True,
        compression_type=compression(settings.kafka),
    )
    await producer.start()
    try:
        topic = NOTIFICATIONS.full_name(settings.kafka)
        for one, value in zip(again, values, strict=True):
            key = one.notification.rule_id.encode()
            await producer.send_and_wait(
                topic, value, key=key, partition=one.partition, headers=[(REDELIVERY, name)]
            )
    finally:
        await producer.stop()
