"""A node serves less per watt than it did last week, model by model and load by load."""

from dataclasses import dataclass
from math import fsum

from processors.fleet.alert import NodeAlert
from processors.fleet.baselines import in_force
from processors.fleet.state import Watched
from processors.patterns.pattern import UNKNOWN, Judgement, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from schemas.events.node_summary import NodeSummary


@dataclass(frozen=True, slots=True)
class WesLongTermDrift(Thresholds):
    """Thresholds of wes_long_term_drift."""

    drop_min: float = threshold(0.15, 0.02, 0.9, doc="share of last week's WES that is lost")
    week_panes_min: float = threshold(360.0, 10.0, 60480.0, doc="panes that a week must have: an hour")
    day_panes_min: float = threshold(180.0, 10.0, 8640.0, doc="panes that a day must have: half an hour")


def judge(summary: NodeSummary, watched: Watched, limits: WesLongTermDrift) -> Judgement:
    """The mean loss over every model and load that both spans have, weighted by the day's panes."""
    pairs = [
        one
        for one in in_force(watched.baselines, summary.passed_at)
        if one.day_panes >= limits.day_panes_min
        and one.week_panes >= limits.week_panes_min
        and one.week_wes > 0
    ]
    if not pairs:
        return UNKNOWN
    panes = fsum(one.day_panes for one in pairs)
    drop = fsum((1.0 - one.day_wes / one.week_wes) * one.day_panes for one in pairs) / panes
    evidence = (compared("drop", drop, ">=", limits.drop_min), measured("panes", panes))
    if drop < limits.drop_min:
        return Judgement(False, evidence)
    models = ", ".join(sorted({one.model for one in pairs}))
    text = f"{drop:.0%} fewer tokens a joule than last week with {models} at the same loads"
    return Judgement(True, evidence, "warning", min(1.0, panes / 1000.0), (summary.node_id,), text)


ALERT = NodeAlert(
    id="wes_long_term_drift",
    title="Efficiency drifts",
    about="Over the last day the node gave 15 % fewer tokens per joule than over the week before.",
    for_s=0,
    clear_s=0,
    action="investigate_wes_drift",
    recommendation="Look for dust, old thermal paste, a lower power limit or a new driver since last week.",
    thresholds=WesLongTermDrift,
    judge=judge,
    survives_silence=True,
    departs=(
        "Compared model by model and load by load, so that other work is no drift; it ends when the loss "
        "does, where Wicklee's never ends; one alert while it lasts, not one a day."
    ),
)
