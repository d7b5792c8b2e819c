"""Nothing has come from a node for minutes, though the log was running."""

from dataclasses import dataclass

from processors.fleet.alert import NodeAlert
from processors.fleet.state import Watched
from processors.patterns.pattern import Judgement, compared
from processors.patterns.thresholds import Thresholds, threshold
from schemas.events.node_summary import NodeSummary


@dataclass(frozen=True, slots=True)
class NodeOffline(Thresholds):
    """Thresholds of node_offline."""

    silent_s: float = threshold(300.0, 40.0, 86400.0, "s", doc="seconds of log time without a sample")


def judge(summary: NodeSummary, watched: Watched, limits: NodeOffline) -> Judgement:
    """Silent for long, without having said that it stops."""
    del watched
    silent = compared("silent", summary.silent_s, ">=", limits.silent_s, "s")
    if summary.silent_s < limits.silent_s or summary.stopped:
        return Judgement(False, (silent,))
    text = f"no sample for {summary.silent_s / 60:.0f} minutes"
    return Judgement(True, (silent,), "critical", 1.0, (summary.node_id,), text)


ALERT = NodeAlert(
    id="node_offline",
    title="Node offline",
    about="No sample has arrived for five minutes in which the log was running; ended when one does.",
    for_s=0,
    clear_s=0,
    action="check_node",
    recommendation="Check that the node is up, reaches Kafka, and runs its agent: penstock doctor node.",
    thresholds=NodeOffline,
    judge=judge,
    survives_silence=True,
    retold=False,
    departs=(
        "Judged by arrival in the log and by ticks that passed through the same stages, so that an outage of "
        "Kafka or of a worker is no silence of a node. A node that said it stops is not offline. That it is "
        "back is this alert's resolve, with the reason node_back, and not an event of its own."
    ),
)
