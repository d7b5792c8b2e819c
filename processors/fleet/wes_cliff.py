"""A node serves far less per watt than it did yesterday with the same model at the same load."""

from dataclasses import dataclass

from processors.fleet.alert import NodeAlert
from processors.fleet.baselines import in_force
from processors.fleet.state import Baseline, Watched
from processors.patterns.pattern import UNKNOWN, Judgement, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from schemas.events.node_summary import NodeSummary
from schemas.events.reading import known
from schemas.load_band import kind_of, requests_of


@dataclass(frozen=True, slots=True)
class WesCliff(Thresholds):
    """Thresholds of wes_cliff."""

    fraction_max: float = threshold(0.35, 0.05, 0.95, doc="of the baseline's WES")
    live_share_min: float = threshold(0.9, 0.0, 1.0, doc="share of a pane's samples in which it was serving")
    day_panes_min: float = threshold(30.0, 1.0, 8640.0, doc="panes that the baseline's day must have")


def judge(summary: NodeSummary, watched: Watched, limits: WesCliff) -> Judgement:
    """Serving, and at a fraction of the day's mean for this model at this load, or the next lower one."""
    if (
        not summary.samples
        or not known(summary.wes)
        or summary.live < limits.live_share_min * summary.samples
    ):
        return UNKNOWN
    baseline = _baseline(summary, watched, limits)
    if baseline is None:
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


def _baseline(summary: NodeSummary, watched: Watched, limits: WesCliff) -> Baseline | None:
    """Return the day's baseline of this model at this load; where there is none, at the next lower load.

    What a node that has become slow has to do piles up, so its load is one that it never had; and more
    requests at once give more tokens a joule, not fewer. A higher load is no measure of a lower one.
    """
    same = [
        one
        for one in in_force(watched.baselines, summary.passed_at)
        if one.model == summary.model
        and (one.load == summary.load or _is_lower(one.load, summary.load))
        and one.day_panes >= limits.day_panes_min
        and one.day_wes > 0
    ]
    return max(same, key=lambda one: requests_of(one.load), default=None)


def _is_lower(one: str, load: str) -> bool:
    return kind_of(one) == kind_of(load) and 0 < requests_of(one) < requests_of(load)


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
        "Compared with the same model at the same load, so that a swap of models is no cliff; where that "
        "load is new, as when requests pile up at a node that has become slow, with the next lower one; and "
        "with work of the same kind, since prompts cost energy that no token shows. Without the absolute "
        "limit of 3, which decides by the size of the model; a minute instead of one reading."
    ),
)
