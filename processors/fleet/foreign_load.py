"""Something that is no runtime has been using the accelerators for long."""

from dataclasses import dataclass

from processors.fleet.alert import NodeAlert
from processors.fleet.state import Watched
from processors.patterns.pattern import UNKNOWN, Judgement, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from schemas.events.node_summary import NodeSummary


@dataclass(frozen=True, slots=True)
class ForeignLoad(Thresholds):
    """Thresholds of foreign_load."""

    busy_share_min: float = threshold(0.7, 0.1, 1.0, doc="share of a pane's samples in the state busy")


def judge(summary: NodeSummary, watched: Watched, limits: ForeignLoad) -> Judgement:
    """Accelerators at work while no runtime is."""
    del watched
    if not summary.samples:
        return UNKNOWN
    share = summary.busy / summary.samples
    evidence = (
        compared("busy_share", share, ">=", limits.busy_share_min),
        measured("power", summary.power_w, "W"),
    )
    if share < limits.busy_share_min:
        return Judgement(False, evidence)
    text = f"its accelerators work at {summary.power_w:.0f} W for something that is no runtime"
    if not summary.power_w >= 0:
        text = "its accelerators work for something that is no runtime"
    return Judgement(True, evidence, "warning", share, (summary.node_id,), text)


ALERT = NodeAlert(
    id="foreign_load",
    title="Foreign load",
    about="For ten minutes something other than a serving runtime has been using the accelerators.",
    for_s=590,
    clear_s=60,
    action="check_processes",
    recommendation="Look at the processes on the accelerators: penstock sql 'select * from gpu_health'.",
    thresholds=ForeignLoad,
    judge=judge,
    departs="What Wicklee calls zombied_engine: its state busy means that no runtime is at work.",
)
