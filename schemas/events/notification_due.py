"""Typed view of ``avro/notification_due.v1.avsc`` (units there); times are µs since the epoch."""

from typing import Literal, NamedTuple

from schemas.events.observation import Severity

NotificationKind = Literal["opened", "updated", "resolved", "reminder"]


ConditionState = Literal["firing", "resolved"]


class NotifiedCondition(NamedTuple):
    """One condition of the group."""

    condition_id: str
    node_id: str
    model: str
    state: ConditionState
    value: float
    threshold: float
    was: str
    now: str
    text: str
    onset_at: int


class NotificationDue(NamedTuple):
    """People or programs are to be told: a group of conditions has opened, changed or ended."""

    id: str
    group_id: str
    revision: int
    kind: NotificationKind
    rule_id: str
    rule_name: str
    severity: Severity
    fleet: str
    nodes: tuple[str, ...]
    channels: tuple[str, ...]
    title: str
    text: str
    conditions: tuple[NotifiedCondition, ...]
    occurred_at: int
    onset_at: int
    fact_arrived_at: int
    deferred_s: float
    deferred_by: str
    test: bool
