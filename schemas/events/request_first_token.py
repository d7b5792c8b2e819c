"""Typed view of ``avro/request_first_token.v1.avsc`` (units there); times are µs since the epoch."""

from typing import NamedTuple


class RequestFirstToken(NamedTuple):
    """The first piece of an answer reached the router."""

    request_id: str
    fleet: str
    router_id: str
    occurred_at: int
    attempt: int
    node_id: str
    runtime_id: str
    model: str
    kind: str
    ttft_s: float
    upstream_ttft_s: float
