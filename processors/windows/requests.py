"""What a window keeps of the requests of ten seconds: one part of one model's pane.

Parts are kept apart, in an order of their own, and added up where they are judged: rounding would otherwise
depend on the order in which they came.
"""

from typing import NamedTuple

from schemas.events.node_pane import Histogram
from schemas.events.request_pane import RequestPane

# Outcomes that are the node's doing, and those in which the caller went away.
FAILED = ("upstream_error", "upstream_died")
ABANDONED = ("client_abandoned", "abandoned_queued", "timed_out_queued")


class RequestSlot(NamedTuple):
    """A part of the requests of one model at one node in ten seconds; counts and sums, times in seconds."""

    started_at: int
    model: str
    part: int
    revision: int
    routed: float
    first_tokens: float
    completed: float
    failed: float
    abandoned: float
    finished: float
    open: float
    in_flight_s: float
    oldest_silent_s: float
    completion_tokens: float
    ttft_sum_s: float
    ttft_count: float
    total_sum_s: float
    ttft: Histogram


def slot_of(pane: RequestPane) -> RequestSlot:
    """Return what windows keep of one part of a pane."""
    failed = sum(getattr(pane, outcome) for outcome in FAILED)
    abandoned = sum(getattr(pane, outcome) for outcome in ABANDONED)
    return RequestSlot(
        pane.started_at,
        pane.model,
        pane.part,
        pane.revision,
        pane.routed,
        pane.first_tokens,
        pane.completed,
        failed,
        abandoned,
        pane.completed + failed + abandoned,
        pane.open,
        pane.in_flight_s,
        pane.oldest_silent_s,
        pane.completion_tokens,
        pane.ttft_sum_s,
        pane.ttft_count,
        pane.total_sum_s,
        pane.ttft,
    )
