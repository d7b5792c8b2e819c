"""Typed views of ``avro/observation_*.v1.avsc``: three events of one layout. Times are µs since the epoch."""

from typing import Literal, NamedTuple

Severity = Literal["info", "warning", "critical"]
RoutingHint = Literal["clear", "monitor", "reduce_batch", "steer_away"]


class Evidence(NamedTuple):
    """A value that was judged."""

    name: str
    subject: str
    unit: str
    comparison: str
    value: float
    threshold: float


class Observation(NamedTuple):
    """What is wrong with a node, as far as it is known."""

    id: str
    observation_id: str
    node_id: str
    fleet: str
    pattern: str
    occurred_at: int
    onset_at: int
    window_started_at: int
    revision: int
    severity: Severity
    peak_severity: Severity
    confidence: float
    coverage: float
    routing_hint: RoutingHint
    action: str
    text: str
    recommendation: str
    subjects: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    peak_evidence: tuple[Evidence, ...]
    thresholds: str
    acknowledged_by: str
    acknowledged_until: int
    dismissed_until: int
    duration_s: float
    reason: str


class ObservationOpened(Observation):
    """Something is wrong with a node."""

    __slots__ = ()


class ObservationUpdated(Observation):
    """What is wrong with a node has changed, or an operator has acted on it."""

    __slots__ = ()


class ObservationResolved(Observation):
    """It is over."""

    __slots__ = ()
