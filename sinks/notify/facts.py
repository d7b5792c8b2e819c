"""What became of deliveries, into Kafka: facts beside the notifications, and dead letters.

A fact goes into the partition of its notification, behind it. Whoever reads the partition after a crash
knows from it what was delivered. So a delivery is settled when Kafka has its fact, and not before.
"""

import asyncio

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.codec import Codec, Event
from schemas.events.dead_letter import DeadLetter
from schemas.ids import derived_id
from schemas.kafka import compression, connection
from schemas.settings import KafkaSettings
from schemas.topics import DEAD_LETTERS, NOTIFICATIONS
from sinks.notify.clock import Clock
from sinks.notify.delivery import Place
from sinks.notify.metrics import DEAD_LETTERS as COUNTED
from sinks.notify.patience import Patience

READER = "notifier"
VALUE_BYTES = 64 * 1024
DETAIL_CHARACTERS = 500
ANSWER_MS = 10_000


class Facts:
    """Writes until Kafka has it, however long that takes."""

    def __init__(self, settings: KafkaSettings, codec: Codec, patience: Patience, clock: Clock) -> None:
        self._settings = settings
        self._codec = codec
        self._patience = patience
        self._clock = clock
        self._starting = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()
        self._topic = NOTIFICATIONS.full_name(settings)
        self._producer: AIOKafkaProducer | None = None

    async def write(self, event: Event, key: str, partition: int) -> None:
        """Write a fact into a partition of the notifications."""
        value = self._codec.encode(event)
        await self._sent(self._topic, value, key.encode(), partition)

    async def bury(self, place: Place, key: str, event: Event, channel_id: str, why: str) -> None:
        """Write a dead letter for what a channel was not told."""
        value = self._codec.encode(event)
        # One notification may be given up for several channels.
        name = derived_id("dead_letter", READER, self._topic, place.partition, place.offset, channel_id)
        await self._bury(name, place, key.encode(), value, "undeliverable", f"channel {channel_id}: {why}")

    async def bury_record(self, place: Place, key: bytes, value: bytes, reason: str, why: str) -> None:
        """Write a dead letter for a record that cannot be read."""
        name = derived_id("dead_letter", READER, self._topic, place.partition, place.offset)
        await self._bury(name, place, key, value, reason, why)

    async def close(self) -> None:
        """Send what is on its way, and close the connection."""
        for task in set(self._retiring):
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def _bury(self, name: str, place: Place, key: bytes, value: bytes, reason: str, why: str) -> None:
        COUNTED.labels(reason).inc()
        letter = DeadLetter(
            id=name,
            occurred_at=self._clock.wall_us(),
            reader=READER,
            topic=self._topic,
            partition=place.partition,
            offset=place.offset,
            key=key[:VALUE_BYTES],
            value=value[:VALUE_BYTES],
            size_bytes=len(value),
            reason=reason,
            detail=why[:DETAIL_CHARACTERS],
            suppressed=0,
        )
        topic = DEAD_LETTERS.full_name(self._settings)
        await self._sent(topic, self._codec.encode(letter), self._topic.encode(), None)

    async def _sent(self, topic: str, value: bytes, key: bytes, partition: int | None) -> None:
        async def attempt() -> None:
            producer = await self._started()
            try:
                await producer.send_and_wait(topic, value, key=key, partition=partition)
            except KafkaError:
                # One that lost a batch has a gap in its sequence, and Kafka takes nothing from it any more.
                self._retire(producer)
                raise

        await self._patience.until_done("kafka", attempt)

    def _retire(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
            task = asyncio.create_task(_stopped(producer))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **connection(self._settings),
                    acks="all",
                    enable_idempotence=True,
                    compression_type=compression(self._settings),
                    request_timeout_ms=ANSWER_MS,
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer


async def _stopped(producer: AIOKafkaProducer) -> None:
    try:
        async with asyncio.timeout(ANSWER_MS / 1000):
            await producer.stop()
    except (KafkaError, OSError, TimeoutError):
        pass  # it is gone either way
