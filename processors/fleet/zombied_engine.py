"""A runtime answers, has requests, and makes no progress."""

from dataclasses import dataclass

from processors.fleet.alert import NodeAlert
from processors.fleet.state import Watched
from processors.patterns.pattern import UNKNOWN, Judgement, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from schemas.events.node_summary import NodeSummary


@dataclass(frozen=True, slots=True)
class ZombiedEngine(Thresholds):
    """Thresholds of zombied_engine."""

    stalled_share_min: float = threshold(
        0.85, 0.1, 1.0, doc="share of a pane's samples with requests in progress or waiting, and no token"
    )


def judge(summary: NodeSummary, watched: Watched, limits: ZombiedEngine) -> Judgement:
    """Requests in progress and not one token, in nearly every sample."""
    del watched
    if not summary.samples or not summary.requests_running >= 0:
        return UNKNOWN
    share = summary.stalled / summary.samples
    evidence = (
        compared("stalled_share", share, ">=", limits.stalled_share_min),
        measured("requests_running", summary.requests_running),
        measured("requests_waiting", summary.requests_waiting),
    )
    if share < limits.stalled_share_min:
        return Judgement(False, evidence)
    which = ", ".join(summary.stalled_runtimes) or "a runtime"
    text = f"{which} has {summary.requests_running:.0f} requests in progress and writes no token"
    return Judgement(True, evidence, "critical", share, (summary.node_id,), text)


ALERT = NodeAlert(
    id="zombied_engine",
    title="Engine without progress",
    about="A runtime answers and has requests, and for two minutes not one token was read or written.",
    for_s=110,
    clear_s=20,
    action="restart_runtime",
    recommendation="Drain the node and restart the runtime; keep its log, the hang is in it.",
    thresholds=ZombiedEngine,
    judge=judge,
    departs=(
        "Wicklee's fires on the state busy, which means that something other than a runtime uses the "
        "accelerators; that is foreign_load here. This one is about an engine that hangs."
    ),
)
