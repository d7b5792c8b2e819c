"""Typed view of ``avro/delivery_attempted.v1.avsc`` (units there); times are µs since the epoch."""

from typing import Literal, NamedTuple

DeliveryOutcome = Literal["delivered", "retrying", "refused", "gave_up", "dropped"]


class DeliveryAttempted(NamedTuple):
    """A channel was tried for a notification."""

    id: str
    occurred_at: int
    notification_id: str
    group_id: str
    rule_id: str
    channel_id: str
    channel_kind: str
    attempt: int
    outcome: DeliveryOutcome
    status: int
    error: str
    took_ms: float
    next_attempt_at: int
    since_fact_ms: float
