"""Reads topics of Kafka from their start, then as records come; for those who keep a view of them."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from api.leaving import stop
from schemas.codec import Codec, Event
from schemas.errors import EventError, PenstockError, UnavailableError, UnknownSchemaError
from schemas.kafka import METADATA_MAX_AGE_MS, connection
from schemas.registry import Registry
from schemas.settings import Settings

logger = logging.getLogger(__name__)

_AGAIN_S = 2.0
_POLL_MS = 500
_CHECK_S = 2.0
_ANSWER_S = 5.0


class Follower(Protocol):
    """Keeps what it is told of; records may come again."""

    def apply(self, event: Event, place: TopicPartition, record: ConsumerRecord) -> None:
        """Take in an event."""

    def forget(self, place: TopicPartition, record: ConsumerRecord) -> None:
        """Take in that the record of a key was deleted."""

    def caught_up(self) -> None:
        """Hear, once, that everything that was in the topics at the start has been told."""


class Tail:
    """Tells a follower of every record, and goes on when Kafka or the registry come back.

    Args:
        settings: where Kafka and the registry are.
        topics: full names.
        events: names of the events in them.
        follower: is told.
        counted: called with ``ok`` or ``unreadable`` for each record.

    Attributes:
        has_caught_up: everything that was in the topics at the start has been told: from then on the views
            are whole, if perhaps not of this second.
        problem: why nothing is read now; empty: it is.
        tried: the first try to read has ended, or everything was read.
    """

    def __init__(
        self,
        settings: Settings,
        topics: Sequence[str],
        events: Sequence[str],
        follower: Follower,
        counted: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._topics = tuple(topics)
        self._events = tuple(events)
        self._follower = follower
        self._counted = counted
        self._next: dict[TopicPartition, int] = {}
        self.has_caught_up = False
        self.tried = False
        self.problem = "the reader has not started"

    @property
    def is_ready(self) -> bool:
        """Whether the views are whole, and Kafka answers."""
        return self.has_caught_up and not self.problem

    async def run(self) -> None:
        """Read until cancelled."""
        registry = Registry(self._settings.registry)
        try:
            while True:
                try:
                    await self._read(registry)
                except (KafkaError, PenstockError, OSError) as exc:
                    if not self.problem:
                        logger.warning("reading node states stopped, trying again: %s", exc)
                    self.problem = str(exc) or type(exc).__name__
                except Exception as exc:  # the loop's outermost frame: we go on with what we know
                    logger.exception("reading node states failed, trying again")
                    self.problem = f"{type(exc).__name__}: {exc}"
                self.tried = True
                await asyncio.sleep(_AGAIN_S)
        finally:
            await registry.close()

    async def _read(self, registry: Registry) -> None:
        codec = await registry.codec(self._events)
        # Without a group it gets every partition of the topics.
        consumer = AIOKafkaConsumer(
            *self._topics,
            **connection(self._settings.kafka),
            enable_auto_commit=False,
            isolation_level="read_committed",
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
        )
        try:
            await consumer.start()
            ends = await self._begin(consumer)
            logger.info("reading %s", ", ".join(self._topics))
            self.problem = ""
            while True:
                await self._read_for(_CHECK_S, consumer, codec, registry, ends)
                await self._check_alive(consumer, list(ends))
                await self._notice_the_end(consumer, ends)
        finally:
            await stop(consumer, within_s=_ANSWER_S)

    async def _check_alive(self, consumer: AIOKafkaConsumer, places: Sequence[TopicPartition]) -> None:
        # aiokafka goes on quietly while the broker is away; asking it for something shows it.
        try:
            await asyncio.wait_for(consumer.end_offsets(places), _ANSWER_S)
        except TimeoutError as exc:
            address = self._settings.kafka.bootstrap_servers
            raise UnavailableError(f"Kafka at {address} does not answer within {_ANSWER_S:g} s") from exc

    async def _read_for(
        self,
        seconds: float,
        consumer: AIOKafkaConsumer,
        codec: Codec,
        registry: Registry,
        ends: dict[TopicPartition, int],
    ) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            batches = await consumer.getmany(timeout_ms=_POLL_MS)
            for place, records in batches.items():
                await self._take(place, records, codec, registry)
            if not batches:
                await self._notice_the_end(consumer, ends)

    async def _begin(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        """Go to where we were, else to the start, and return where the partitions end now."""
        places = sorted(consumer.assignment())
        for topic in self._topics:
            if not any(place.topic == topic for place in places):
                raise UnavailableError(f"Kafka has no topic {topic} yet: the worker makes it")
        beginnings = await consumer.beginning_offsets(places)
        ends = await consumer.end_offsets(places)
        for place in places:
            # seek_to_beginning() may leave the position at the end: aiokafka 0.14.
            known = self._next.get(place, 0)
            inside = beginnings[place] <= known <= ends[place]
            consumer.seek(place, known if inside else beginnings[place])
        return dict(ends)

    async def _notice_the_end(self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> None:
        # A transaction's marker takes an offset and is never handed out: only the position passes it.
        if not self.has_caught_up and all([await consumer.position(at) >= end for at, end in ends.items()]):
            self.has_caught_up = self.tried = True
            self._follower.caught_up()

    async def _take(
        self, place: TopicPartition, records: Sequence[ConsumerRecord], codec: Codec, registry: Registry
    ) -> None:
        for record in records:
            self._next[place] = record.offset + 1
            if record.value is None:
                self._follower.forget(place, record)
                continue
            try:
                event = await _decode(record.value, codec, registry)
            except EventError as exc:
                self._counted("unreadable")
                logger.warning(
                    "unreadable record in %s/%d at %d: %s", place.topic, place.partition, record.offset, exc
                )
                continue
            self._counted("ok")
            self._follower.apply(event, place, record)


async def _decode(value: bytes, codec: Codec, registry: Registry) -> Event:
    """Decode a value; a schema that is not ours is asked for once.

    Raises:
        EventError: it cannot be read.
        UnavailableError: the registry is away.
    """
    try:
        return codec.decode(value)
    except UnknownSchemaError as exc:
        codec.learn(exc.schema_id, await registry.schema(exc.schema_id))
        return codec.decode(value)
