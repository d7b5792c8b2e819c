"""Typed view of ``avro/operator_action.v1.avsc`` (units there); times are µs since the epoch."""

from typing import Literal, NamedTuple

ActionTarget = Literal["observation", "alert"]


OperatorVerb = Literal["acknowledge", "resolve", "dismiss", "restore"]


class OperatorAction(NamedTuple):
    """A person acted on an observation or an alert."""

    id: str
    occurred_at: int
    target: ActionTarget
    target_id: str
    fleet: str
    node_id: str
    action: OperatorVerb
    by: str
    note: str
    expires_at: int
