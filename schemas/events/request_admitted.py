"""Typed view of ``avro/request_admitted.v1.avsc`` (units there); times are µs since the epoch."""

from typing import NamedTuple


class RequestAdmitted(NamedTuple):
    """The queue let a request go."""

    request_id: str
    fleet: str
    router_id: str
    occurred_at: int
    model: str
    pool: str
    wait_reason: str
    queue_wait_s: float
    queue_depth: float
