"""Typed views of ``avro/alert_*.v1.avsc``: three events of one layout. Times are µs since the epoch."""

from typing import NamedTuple

from schemas.events.observation import Evidence, Severity


class Alert(NamedTuple):
    """What is wrong in a fleet, as far as it is known."""

    id: str
    alert_id: str
    fleet: str
    alert: str
    node_id: str
    occurred_at: int
    onset_at: int
    revision: int
    severity: Severity
    peak_severity: Severity
    confidence: float
    action: str
    text: str
    recommendation: str
    members: tuple[str, ...]
    observations: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    acknowledged_by: str
    acknowledged_until: int
    dismissed_until: int
    duration_s: float
    reason: str


class AlertOpened(Alert):
    """Something is wrong in a fleet."""

    __slots__ = ()


class AlertUpdated(Alert):
    """What is wrong in a fleet has changed, or an operator has acted on it."""

    __slots__ = ()


class AlertResolved(Alert):
    """It is over."""

    __slots__ = ()
