"""The one Kafka reader of the API: nodes, observations and alerts, from the start, then as they come."""

import asyncio
import logging
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from api.leaving import stop
from api.metrics import ApiMetrics
from api.query.finding import KINDS
from api.query.fleet import FleetView
from api.query.hub import Hub
from api.query.standing import Standing
from schemas.codec import Codec, Event
from schemas.errors import EventError, PenstockError, UnavailableError, UnknownSchemaError
from schemas.events.alert import Alert
from schemas.events.node_state import NodeState
from schemas.events.observation import Observation
from schemas.kafka import METADATA_MAX_AGE_MS, connection
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.topics import NODE_STATES, NODES

logger = logging.getLogger(__name__)

EVENTS = (*NODES.events, *NODE_STATES.events, *(event for kind in KINDS for event in kind.topic.events))
_AGAIN_S = 2.0
_POLL_MS = 500
_CHECK_S = 2.0
_ANSWER_S = 5.0


class Live:
    """Keeps views and the hub fed, and goes on when Kafka or the registry come back.

    ``standing`` are the kinds of findings that are read besides the nodes.
    """

    def __init__(
        self,
        settings: Settings,
        fleet: FleetView,
        hub: Hub,
        metrics: ApiMetrics,
        standing: Sequence[Standing] = (),
    ) -> None:
        self._settings = settings
        self._fleet = fleet
        self._hub = hub
        self._metrics = metrics
        self._standing = {each.kind.topic.full_name(settings.kafka): each for each in standing}
        self._states = NODE_STATES.full_name(settings.kafka)
        self._topics = (self._states, NODES.full_name(settings.kafka), *self._standing)
        self._next: dict[TopicPartition, int] = {}
        self._caught_up = False
        self.problem = "the reader has not started"

    @property
    def is_ready(self) -> bool:
        """Whether everything that was in the topics at the start has been read, and Kafka answers."""
        return self._caught_up and not self.problem

    @property
    def has_caught_up(self) -> bool:
        """Whether that was ever so: from then on the views are whole, if perhaps not of this second."""
        return self._caught_up

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
                except Exception as exc:  # the loop's outermost frame: the API goes on with what it knows
                    logger.exception("reading node states failed, trying again")
                    self.problem = f"{type(exc).__name__}: {exc}"
                await asyncio.sleep(_AGAIN_S)
        finally:
            await registry.close()

    async def _read(self, registry: Registry) -> None:
        codec = await registry.codec(EVENTS)
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
                await self._read_for(_CHECK_S, consumer, codec, registry)
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
        self, seconds: float, consumer: AIOKafkaConsumer, codec: Codec, registry: Registry
    ) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            batches = await consumer.getmany(timeout_ms=_POLL_MS)
            for place, records in batches.items():
                await self._take(place, records, codec, registry)

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
        if not self._caught_up and all([await consumer.position(at) >= end for at, end in ends.items()]):
            self._caught_up = True
            self._hub.now_known()
            logger.info("the fleet is known: %d nodes", len(self._fleet))

    async def _take(
        self, place: TopicPartition, records: Sequence[ConsumerRecord], codec: Codec, registry: Registry
    ) -> None:
        for record in records:
            self._next[place] = record.offset + 1
            if record.value is None:
                self._forget(place, record)
                continue
            try:
                event = await _decode(record.value, codec, registry)
            except EventError as exc:
                self._metrics.records.labels("unreadable").inc()
                logger.warning(
                    "unreadable record in %s/%d at %d: %s", place.topic, place.partition, record.offset, exc
                )
                continue
            self._metrics.records.labels("ok").inc()
            self._apply(event, place, record)

    def _apply(self, event: Event, place: TopicPartition, record: ConsumerRecord) -> None:
        if isinstance(event, Observation | Alert):
            standing = self._standing.get(place.topic)
            if standing is not None:
                standing.apply(event)
                self._hub.publish(standing.kind.plural, event, place.partition, record.offset)
            return
        self._fleet.apply(event, record.timestamp * 1000)
        if isinstance(event, NodeState):
            self._hub.publish("node-states", event, place.partition, record.offset)

    def _forget(self, place: TopicPartition, record: ConsumerRecord) -> None:
        if place.topic == self._states:
            node_id = (record.key or b"").decode(errors="replace")
            self._fleet.forget(node_id)
            self._hub.forget(node_id, place.partition, record.offset)


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
