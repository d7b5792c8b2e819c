"""The one table of topics: whatever creates, reads, writes or documents a topic looks here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.settings import KafkaSettings

DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic, its events and how long they are kept. ``name`` is without the prefix of the settings."""

    name: str
    events: tuple[str, ...]
    key: str
    written_by: str
    cleanup: Literal["delete", "compact"]
    retention_ms: int
    by_node: bool = True
    ticks: bool = False
    stored: bool = True

    def partitions(self, settings: KafkaSettings) -> int:
        """Return how many partitions the topic is created with: one, unless it is keyed by node."""
        return settings.partitions if self.by_node else 1

    def full_name(self, settings: KafkaSettings) -> str:
        """Return the name in Kafka."""
        return settings.topic_prefix + self.name


NODES = Topic("nodes", ("node_registered", "node_stopped"), "node_id", "node agent", "compact", 0)
TELEMETRY = Topic(
    "telemetry",
    ("node_sample", "clock_tick"),
    "node_id",
    "node agent, clock",
    "delete",
    7 * DAY_MS,
    ticks=True,
)
NODE_STATES = Topic("node-states", ("node_state",), "node_id", "node stage", "compact", 0)
PANES = Topic("panes", ("node_pane",), "node_id", "node stage", "delete", 7 * DAY_MS)
DEAD_LETTERS = Topic(
    "dead-letters", ("dead_letter",), "source topic", "any reader", "delete", 30 * DAY_MS, by_node=False
)
# A stage's own memory: states and the offset they stand at. Only its stage reads it.
NODE_STAGE_STATES = Topic("node-stage-states", (), "node_id", "node stage", "compact", 0, stored=False)

TOPICS: Sequence[Topic] = (NODES, TELEMETRY, NODE_STATES, PANES, DEAD_LETTERS, NODE_STAGE_STATES)


def topic_of(event: str) -> Topic:
    """Return the topic an event is written to; ``clock_tick`` goes to every topic with ``ticks``."""
    return next(topic for topic in TOPICS if event in topic.events)
