"""The channels, as the topic of channels tells them: all of it first, then what changes."""

import asyncio
import logging
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from schemas.channel_document import ChannelDocument, parse
from schemas.codec import Codec
from schemas.errors import ConfigError, EventError, UnavailableError
from schemas.events.channel_changed import ChannelChanged
from schemas.kafka import METADATA_MAX_AGE_MS, connection
from schemas.registry import Registry
from schemas.settings import KafkaSettings
from schemas.topics import CHANNELS
from sinks.notify.patience import Patience
from sinks.notify.reading import decoded

logger = logging.getLogger(__name__)

POLL_MS = 500


class Entry(NamedTuple):
    """What is known of a channel. Without ``channel`` it was deleted, unless ``problem`` says more."""

    revision: int
    channel: ChannelDocument | None
    problem: str = ""


class Directory:
    """Follows the topic. ``whole`` is set once everything that was in it at the start has been read."""

    def __init__(self, settings: KafkaSettings, codec: Codec, registry: Registry, patience: Patience) -> None:
        self._settings = settings
        self._codec = codec
        self._registry = registry
        self._patience = patience
        self._entries: dict[str, Entry] = {}
        self.whole = asyncio.Event()

    def find(self, channel_id: str) -> Entry | None:
        """Return what is known of a channel; None where there never was one of this name."""
        return self._entries.get(channel_id)

    def take(self, event: ChannelChanged) -> None:
        """Take in a change; the highest revision of a channel holds."""
        before = self._entries.get(event.channel_id)
        if before is not None and before.revision >= event.revision:
            return
        if event.deleted:
            self._entries[event.channel_id] = Entry(event.revision, None)
            return
        try:
            self._entries[event.channel_id] = Entry(event.revision, parse(event.channel))
        except ConfigError as exc:
            logger.warning("channel %s, revision %d: %s", event.channel_id, event.revision, exc)
            self._entries[event.channel_id] = Entry(event.revision, None, str(exc))

    async def run(self) -> None:
        """Follow until cancelled; begin anew when Kafka was away."""
        while True:
            await self._patience.until_done("kafka", self._follow)

    async def _follow(self) -> None:
        topic = CHANNELS.full_name(self._settings)
        consumer = AIOKafkaConsumer(
            topic,
            **connection(self._settings),
            enable_auto_commit=False,
            isolation_level="read_committed",
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
        )
        try:
            await consumer.start()
            places = sorted(consumer.assignment())
            if not places:
                raise UnavailableError(f"Kafka has no topic {topic} yet")
            beginnings = await consumer.beginning_offsets(places)
            ends = await consumer.end_offsets(places)
            for place in places:
                # seek_to_beginning() may leave the position at the end: aiokafka 0.14.
                consumer.seek(place, beginnings[place])
            while True:
                for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                    for record in records:
                        await self._read(record)
                if not self.whole.is_set() and await _reached(consumer, ends):
                    self.whole.set()
        finally:
            await consumer.stop()

    async def _read(self, record: ConsumerRecord) -> None:
        if record.value is None:
            return
        try:
            event = await decoded(record.value, self._codec, self._registry)
        except EventError as exc:
            logger.warning("unreadable channel in %s at %d: %s", record.topic, record.offset, exc)
            return
        if isinstance(event, ChannelChanged):
            self.take(event)


async def _reached(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    try:
        return all([await consumer.position(place) >= end for place, end in ends.items()])
    except KafkaError:
        return False
