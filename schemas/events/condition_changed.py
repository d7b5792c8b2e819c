"""Typed view of ``avro/condition_changed.v1.avsc`` (units there); times are µs since the epoch."""

from typing import Literal, NamedTuple

from schemas.events.observation import Severity

ConditionPhase = Literal["firing", "updated", "resolved"]
# ``now`` of a condition about an observation or alert that somebody has taken on.
ACKNOWLEDGED = "acknowledged"


class Label(NamedTuple):
    """A name and a value."""

    name: str
    value: str


class ConditionChanged(NamedTuple):
    """What a rule asks for has begun or ended for one subject."""

    id: str
    condition_id: str
    revision: int
    state: ConditionPhase
    reason: str
    rule_id: str
    rule_revision: int
    rule_name: str
    source: str
    cause_id: str
    fleet: str
    node_id: str
    model: str
    subject: str
    severity: Severity
    value: float
    threshold: float
    was: str
    now: str
    labels: tuple[Label, ...]
    text: str
    occurred_at: int
    onset_at: int
    arrived_at: int
