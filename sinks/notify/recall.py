"""Reads a notification again that was too many to keep: Kafka holds it."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.codec import Codec
from schemas.errors import EventError, UnavailableError
from schemas.events.notification_due import NotificationDue
from schemas.kafka import connection
from schemas.registry import Registry
from schemas.settings import KafkaSettings
from schemas.topics import NOTIFICATIONS
from sinks.notify.delivery import Place
from sinks.notify.patience import Patience
from sinks.notify.reading import decoded

WITHIN_S = 10.0


class Recall:
    """One record at a time, by its place."""

    def __init__(self, settings: KafkaSettings, codec: Codec, registry: Registry, patience: Patience) -> None:
        self._settings = settings
        self._topic = NOTIFICATIONS.full_name(settings)
        self._codec = codec
        self._registry = registry
        self._patience = patience
        self._consumer: AIOKafkaConsumer | None = None
        self._alone = asyncio.Lock()

    async def read(self, place: Place) -> NotificationDue | None:
        """Return the notification at a place; None where Kafka keeps it no longer."""
        async with self._alone:
            return await self._patience.until_done("kafka", lambda: self._read(place))

    async def close(self) -> None:
        """Close the connection."""
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None

    async def _read(self, place: Place) -> NotificationDue | None:
        consumer = await self._started()
        partition = TopicPartition(self._topic, place.partition)
        consumer.assign([partition])
        if (await consumer.beginning_offsets([partition]))[partition] > place.offset:
            return None
        consumer.seek(partition, place.offset)
        try:
            async with asyncio.timeout(WITHIN_S):
                record = await consumer.getone(partition)
        except TimeoutError as exc:
            raise UnavailableError(f"Kafka does not give {place} within {WITHIN_S:g} s") from exc
        if record.offset != place.offset or record.value is None:
            return None
        try:
            event = await decoded(record.value, self._codec, self._registry)
        except EventError:
            return None
        return event if isinstance(event, NotificationDue) else None

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                **connection(self._settings),
                enable_auto_commit=False,
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                max_poll_records=1,
                max_partition_fetch_bytes=64 << 10,
            )
            try:
                await consumer.start()
            except BaseException:
                await consumer.stop()
                raise
            self._consumer = consumer
        return self._consumer
