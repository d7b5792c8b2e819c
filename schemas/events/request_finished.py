"""Typed view of ``avro/request_finished.v1.avsc`` (units there); times are µs since the epoch."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Outcome = Literal[
    "completed",
    "upstream_error",
    "upstream_died",
    "client_abandoned",
    "abandoned_queued",
    "cancelled_queued",
    "timed_out_queued",
    "rejected_oversized",
    "rejected_unhealthy",
    "rejected_unadmittable",
    "rejected_invalid",
    "router_stopped",
]


class RequestFinished(NamedTuple):
    """A request is over: exactly one for each that was received."""

    request_id: str
    fleet: str
    router_id: str
    occurred_at: int
    received_at: int
    outcome: Outcome
    node_id: str
    runtime_id: str
    model: str
    served_model: str
    finish_reason: str
    error: str
    key: str
    workload: str
    session: str
    tags: Mapping[str, str]
    fallback: bool
    attempts: int
    http_status: int
    queue_wait_s: float
    ttft_s: float
    total_s: float
    upstream_s: float
    inter_token_s: float
    prompt_tokens: float
    completion_tokens: float
    cached_tokens: float
    reasoning_tokens: float
