"""Typed view of ``avro/request_pane.v1.avsc`` (units there); times are µs since the epoch."""

from typing import NamedTuple

from schemas.events.node_pane import Histogram


class RequestPane(NamedTuple):
    """Ten seconds of one model's requests at one node, as one partition saw them: the parts add up."""

    id: str
    node_id: str
    fleet: str
    model: str
    occurred_at: int
    started_at: int
    part: int
    revision: int
    received: float
    routed: float
    retried: float
    first_tokens: float
    completed: float
    upstream_error: float
    upstream_died: float
    client_abandoned: float
    abandoned_queued: float
    cancelled_queued: float
    timed_out_queued: float
    rejected_oversized: float
    rejected_unhealthy: float
    rejected_unadmittable: float
    rejected_invalid: float
    router_stopped: float
    open: float
    in_flight_s: float
    oldest_silent_s: float
    prompt_tokens: float
    completion_tokens: float
    cached_tokens: float
    reasoning_tokens: float
    ttft_sum_s: float
    ttft_count: float
    queue_wait_sum_s: float
    total_sum_s: float
    ttft: Histogram
    inter_token: Histogram
    queue_wait: Histogram
    total: Histogram
