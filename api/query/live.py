"""The one Kafka reader of the API: nodes, observations and alerts, from the start, then as they come."""

import logging
from collections.abc import Sequence

from aiokafka import ConsumerRecord, TopicPartition

from api.metrics import ApiMetrics
from api.query.finding import KINDS
from api.query.fleet import FleetView
from api.query.hub import Hub
from api.query.standing import Standing
from api.tail import Tail
from schemas.codec import Event
from schemas.events.alert import Alert
from schemas.events.node_state import NodeState
from schemas.events.observation import Observation
from schemas.settings import Settings
from schemas.topics import NODE_STATES, NODES

logger = logging.getLogger(__name__)

EVENTS = (*NODES.events, *NODE_STATES.events, *(event for kind in KINDS for event in kind.topic.events))


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
        self._fleet = fleet
        self._hub = hub
        self._standing = {each.kind.topic.full_name(settings.kafka): each for each in standing}
        self._states = NODE_STATES.full_name(settings.kafka)
        topics = (self._states, NODES.full_name(settings.kafka), *self._standing)
        self.tail = Tail(
            settings, topics, EVENTS, self, lambda outcome: metrics.records.labels(outcome).inc()
        )

    @property
    def is_ready(self) -> bool:
        """Whether everything that was in the topics at the start has been read, and Kafka answers."""
        return self.tail.is_ready

    @property
    def has_caught_up(self) -> bool:
        """Whether that was ever so: from then on the views are whole, if perhaps not of this second."""
        return self.tail.has_caught_up

    @property
    def problem(self) -> str:
        """Why nothing is read now; empty: it is."""
        return self.tail.problem

    async def run(self) -> None:
        """Read until cancelled."""
        await self.tail.run()

    def caught_up(self) -> None:
        """See ``tail.Follower``."""
        self._hub.now_known()
        logger.info("the fleet is known: %d nodes", len(self._fleet))

    def apply(self, event: Event, place: TopicPartition, record: ConsumerRecord) -> None:
        """See ``tail.Follower``."""
        if isinstance(event, Observation | Alert):
            standing = self._standing.get(place.topic)
            if standing is not None:
                standing.apply(event)
                self._hub.publish(standing.kind.plural, event, place.partition, record.offset)
            return
        self._fleet.apply(event, record.timestamp * 1000)
        if isinstance(event, NodeState):
            self._hub.publish("node-states", event, place.partition, record.offset)

    def forget(self, place: TopicPartition, record: ConsumerRecord) -> None:
        """See ``tail.Follower``."""
        if place.topic == self._states:
            node_id = (record.key or b"").decode(errors="replace")
            self._fleet.forget(node_id)
            self._hub.forget(node_id, place.partition, record.offset)
