"""A node serves far less per watt than it did yesterday with the same model at the same load."""

from dataclasses import dataclass

from processors.fleet.alert import NodeAlert
from processors.fleet.baselines import in_force
from processors.fleet.state import Watched
from processors.patterns.pattern import UNKNOWN, Judgement, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from schemas.events.node_summary import NodeSummary
from schemas.events.reading import known


@dataclass(frozen=True, slots=True)
class WesCliff(Thresholds):
    """Thresholds of wes_cliff."""

    fraction_max: float = threshold(0.35, 0.05, 0.95, doc="of the baseline's WES")
    live_share_min: float = threshold(0.9, 0.0, 1.0, doc="share of a pane's samples in which it was serving")
    day_panes_min: float = threshold(30.0, 1.0, 8640.0, doc="panes that the baseline's day must have")


def judge(summary: NodeSummary, watched: Watched, limits: WesCliff) -> Judgement:
    """Serving, and at a fraction of the day's mean for this model and load."""
    if (
        not summary.samples
        or not known(summary.wes)
        or summary.live < limits.live_share_min * summary.samples
    ):
        return UNKNOWN
    for baseline in in_force(watched.baselines, summary.passed_at):
        same = (baseline.model, baseline.load) == (summary.model, summary.load)
        if same and baseline.day_panes >= limits.day_panes_min and baseline.day_wes > 0:
            break
    else:
        return UNKNOWN
    fraction = summary.wes / baseline.day_wes
    evidence = (
        compared("fraction_of_baseline", fraction, "<", limits.fraction_max),
        measured("wes", summary.wes, "tokens/J"),
        measured("baseline_wes", baseline.day_wes, "tokens/J"),
    )
    if fraction >= limits.fraction_max:
        return Judgement(False, evidence)
    text = (
        f"{summary.wes:.2g} tokens a joule with {summary.model}, {fraction:.0%} of the "
        f"{baseline.day_wes:.2g} of the last day at this load"
    )
    return Judgement(True, evidence, "warning", 1.0, (summary.node_id,), text)


ALERT = NodeAlert(
    id="wes_cliff",
    title="Efficiency has collapsed",
    about="For a minute the node has given under 35 % of its own tokens per joule of the last day.",
    for_s=50,
    clear_s=60,
    action="investigate_wes",
    recommendation="Compare clocks, heat and power with yesterday; layers on the CPU or a lost link do this.",
    thresholds=WesCliff,
    judge=judge,
    departs=(
        "Compared with the same model at the same load, so that a swap of models is no cliff; without the "
        "absolute limit of 3, which decides by the size of the model; a minute instead of one reading."
    ),
)
