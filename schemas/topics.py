"""The one table of topics: whatever creates, reads, writes or documents a topic looks here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.settings import KafkaSettings

DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic, its events and how long they are kept. ``name`` is without the prefix of the settings.

    ``compaction_lag_ms``: how long records stay that newer ones of their key replace.
    """

    name: str
    events: tuple[str, ...]
    key: str
    written_by: str
    cleanup: Literal["delete", "compact"]
    retention_ms: int
    spread: bool = True
    ticks: bool = False
    stored: bool = True
    compaction_lag_ms: int = 0

    def partitions(self, settings: KafkaSettings) -> int:
        """Return how many partitions the topic is created with: one, unless it is spread over several."""
        return settings.partitions if self.spread else 1

    def full_name(self, settings: KafkaSettings) -> str:
        """Return the name in Kafka."""
        return settings.topic_prefix + self.name


NODES = Topic("nodes", ("node_registered", "node_stopped"), "node_id", "node agent", "compact", 0)
RULES = Topic("rules", ("rule_changed",), "rule_id", "API, penstock rules", "compact", 0, spread=False)
# Its events hold secrets, encrypted: they stay out of ClickHouse.
CHANNELS = Topic(
    "channels",
    ("channel_changed",),
    "channel_id",
    "API, penstock channels",
    "compact",
    0,
    spread=False,
    stored=False,
)
TELEMETRY = Topic(
    "telemetry",
    ("node_sample", "node_registered", "node_stopped", "node_hint", "clock_tick", "rule_changed"),
    "node_id",
    "node agent, pattern stage, clock, API",
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
# What goes along with the states for the stages that read on: about no node, or once in a node's life.
FORWARDED = ("rule_changed", "node_tagged", "watermark")
NODE_STATES = Topic(
    "node-states",
    ("node_state", *FORWARDED),
    "node_id",
    "node stage",
    "compact",
    0,
    # A stage reads it, and after a crash reads the last minutes once more.
    compaction_lag_ms=15 * 60 * 1000,
)
PANES = Topic(
    "panes",
    ("node_pane", "request_pane", "operator_action", *FORWARDED),
    "node_id",
    "node stage, request stage, API",
    "delete",
    7 * DAY_MS,
)
OBSERVATIONS = Topic(
    "observations",
    ("observation_opened", "observation_updated", "observation_resolved", *FORWARDED),
    "node_id",
    "pattern stage",
    "delete",
    30 * DAY_MS,
)
SUMMARIES = Topic(
    "summaries",
    ("node_summary", "wes_baseline", "operator_action", *FORWARDED),
    "fleet",
    "pattern stage, baselines, API",
    "delete",
    DAY_MS,
    spread=False,
)
ALERTS = Topic(
    "alerts",
    ("alert_opened", "alert_updated", "alert_resolved", *FORWARDED),
    "fleet",
    "fleet stage",
    "delete",
    30 * DAY_MS,
    spread=False,
)
FIRINGS = Topic(
    "firings",
    ("condition_changed", "rule_changed", "watermark"),
    "fleet",
    "rule stages",
    "delete",
    7 * DAY_MS,
    spread=False,
)
NOTIFICATIONS = Topic(
    "notifications",
    ("notification_due", "delivery_attempted"),
    "rule_id",
    "notify stage, notifier",
    "delete",
    30 * DAY_MS,
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
RULE_NODE_STATES_STATES = _states_of("rule-node-states", "none")
RULE_PANES_STATES = _states_of("rule-panes", "none")
RULE_OBSERVATIONS_STATES = _states_of("rule-observations", "none")
RULE_ALERTS_STATES = _states_of("rule-alerts", "none", spread=False)
NOTIFY_STAGE_STATES = _states_of("notify-stage", "none", spread=False)

TOPICS: Sequence[Topic] = (
    NODES,
    RULES,
    CHANNELS,
    TELEMETRY,
    REQUESTS,
    NODE_STATES,
    PANES,
    OBSERVATIONS,
    SUMMARIES,
    ALERTS,
    FIRINGS,
    NOTIFICATIONS,
    DEAD_LETTERS,
    SNAPSHOTS,
    NODE_STAGE_STATES,
    REQUEST_STAGE_STATES,
    PATTERN_STAGE_STATES,
    FLEET_STAGE_STATES,
    RULE_NODE_STATES_STATES,
    RULE_PANES_STATES,
    RULE_OBSERVATIONS_STATES,
    RULE_ALERTS_STATES,
    NOTIFY_STAGE_STATES,
)


def stored_events() -> frozenset[str]:
    """Return the events that ClickHouse has."""
    return frozenset(event for topic in TOPICS if topic.stored for event in topic.events)


def topic_of(event: str) -> Topic:
    """Return the first topic an event is written to; ``clock_tick`` goes to every topic with ``ticks``."""
    return next(topic for topic in TOPICS if event in topic.events)
