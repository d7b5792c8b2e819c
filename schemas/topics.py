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
    spread: bool = True
    ticks: bool = False
    stored: bool = True

    def partitions(self, settings: KafkaSettings) -> int:
        """Return how many partitions the topic is created with: one, unless it is spread over several."""
        return settings.partitions if self.spread else 1

    def full_name(self, settings: KafkaSettings) -> str:
        """Return the name in Kafka."""
        return settings.topic_prefix + self.name


NODES = Topic("nodes", ("node_registered", "node_stopped"), "node_id", "node agent", "compact", 0)
TELEMETRY = Topic(
    "telemetry",
    ("node_sample", "node_registered", "node_stopped", "node_hint", "clock_tick"),
    "node_id",
    "node agent, pattern stage, clock",
    "delete",
    7 * DAY_MS,
    ticks=True,
)
REQUESTS = Topic(
    "requests",
    (
        "request_received",
        "request_admitted",
        "request_routed",
        "request_first_token",
        "request_finished",
        "clock_tick",
    ),
    "request_id",
    "router, clock",
    "delete",
    7 * DAY_MS,
    ticks=True,
)
NODE_STATES = Topic("node-states", ("node_state",), "node_id", "node stage", "compact", 0)
PANES = Topic(
    "panes",
    ("node_pane", "request_pane", "operator_action", "watermark"),
    "node_id",
    "node stage, request stage, API",
    "delete",
    7 * DAY_MS,
)
OBSERVATIONS = Topic(
    "observations",
    ("observation_opened", "observation_updated", "observation_resolved"),
    "node_id",
    "pattern stage",
    "delete",
    30 * DAY_MS,
)
SUMMARIES = Topic(
    "summaries",
    ("node_summary", "wes_baseline", "operator_action", "watermark"),
    "fleet",
    "pattern stage, baselines, API",
    "delete",
    DAY_MS,
    spread=False,
)
ALERTS = Topic(
    "alerts",
    ("alert_opened", "alert_updated", "alert_resolved"),
    "fleet",
    "fleet stage",
    "delete",
    30 * DAY_MS,
    spread=False,
)
DEAD_LETTERS = Topic(
    "dead-letters", ("dead_letter",), "source topic", "any reader", "delete", 30 * DAY_MS, spread=False
)
SNAPSHOTS = Topic("snapshots", ("stage_snapshot",), "node_id", "all stages", "delete", 30 * DAY_MS)


def _states_of(stage: str, key: str, *, spread: bool = True) -> Topic:
    """A stage's own memory: states and the offset they stand at. Only its stage reads it."""
    return Topic(
        f"{stage}-states", (), key, stage.replace("-", " "), "compact", 0, spread=spread, stored=False
    )


NODE_STAGE_STATES = _states_of("node-stage", "node_id")
REQUEST_STAGE_STATES = _states_of("request-stage", "node_id")
PATTERN_STAGE_STATES = _states_of("pattern-stage", "node_id")
FLEET_STAGE_STATES = _states_of("fleet-stage", "fleet", spread=False)

TOPICS: Sequence[Topic] = (
    NODES,
    TELEMETRY,
    REQUESTS,
    NODE_STATES,
    PANES,
    OBSERVATIONS,
    SUMMARIES,
    ALERTS,
    DEAD_LETTERS,
    SNAPSHOTS,
    NODE_STAGE_STATES,
    REQUEST_STAGE_STATES,
    PATTERN_STAGE_STATES,
    FLEET_STAGE_STATES,
)


def topic_of(event: str) -> Topic:
    """Return the first topic an event is written to; ``clock_tick`` goes to every topic with ``ticks``."""
    return next(topic for topic in TOPICS if event in topic.events)
