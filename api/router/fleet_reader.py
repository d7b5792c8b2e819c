"""The router's Kafka reader: nodes and how they are, from the start, then as they tell."""

import logging

from aiokafka import ConsumerRecord, TopicPartition

from api.query.fleet import FleetView
from api.router.fleet_chooser import FleetChooser
from api.router.fleet_metrics import FleetMetrics
from api.tail import Tail
from schemas.codec import Event
from schemas.events.node_registered import NodeRegistered
from schemas.events.node_state import NodeState
from schemas.events.node_stopped import NodeStopped
from schemas.settings import Settings
from schemas.topics import NODE_STATES, NODES

logger = logging.getLogger(__name__)

EVENTS = (*NODES.events, *NODE_STATES.events)


class FleetReader:
    """Keeps ``fleet``, and tells a chooser of it. Any number of routers read alike, each everything."""

    def __init__(self, settings: Settings, fleet: FleetView, metrics: FleetMetrics) -> None:
        self._fleet = fleet
        self._chooser: FleetChooser | None = None
        self._states = NODE_STATES.full_name(settings.kafka)
        topics = (self._states, NODES.full_name(settings.kafka))
        self._tail = Tail(settings, topics, EVENTS, self, metrics.count)

    @property
    def awaited(self) -> bool:
        """Whether the first reading, or the first try, is still under way."""
        return not self._tail.tried

    @property
    def problem(self) -> str:
        """Why nothing is read now; empty: it is."""
        return self._tail.problem

    async def run(self, chooser: FleetChooser) -> None:
        """Read until cancelled."""
        self._chooser = chooser
        await self._tail.run()

    def caught_up(self) -> None:
        """See ``tail.Follower``."""
        logger.info("the fleet is known: %d nodes", len(self._fleet))
        self._changed()

    def apply(self, event: Event, place: TopicPartition, record: ConsumerRecord) -> None:
        """See ``tail.Follower``."""
        if not isinstance(event, NodeState | NodeRegistered | NodeStopped):
            return  # rules, tags and watermarks go along with the states for those who read on from them
        arrived_us = record.timestamp * 1000
        node = self._fleet.get(event.node_id) if isinstance(event, NodeState) else None
        returns = node is not None and node.has_stopped
        self._fleet.apply(event, arrived_us)
        if isinstance(event, NodeState) and self._chooser is not None:
            self._chooser.state(event, arrived_us)
        if returns or not isinstance(event, NodeState):
            self._changed()

    def forget(self, place: TopicPartition, record: ConsumerRecord) -> None:
        """See ``tail.Follower``."""
        if place.topic == self._states:
            self._fleet.forget((record.key or b"").decode(errors="replace"))
            self._changed()

    def _changed(self) -> None:
        # What was written long ago is taken in once, when all of it has been read.
        if self._chooser is not None and self._tail.has_caught_up:
            self._chooser.refresh()
