"""A throttled accelerator holds the others back."""

from dataclasses import dataclass
from statistics import median

from processors.patterns.accelerators import sensed
from processors.patterns.clocks import AtWork, at_work
from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.window import Window, mean
from schemas.events.reading import NAN, known


@dataclass(frozen=True, slots=True)
class EfficiencyDrag(Thresholds):
    """Thresholds of efficiency_drag."""

    lost_min: float = threshold(0.3, 0.05, 1.0, doc="share of the work lost to throttling")
    live_share_min: float = threshold(0.3, 0.0, 1.0, doc="share of samples in which the node was serving")
    hot_share_max: float = threshold(
        0.3, 0.0, 1.0, doc="share of hot samples above which it is thermal_drain"
    )
    working_share_min: float = threshold(0.3, 0.05, 1.0, doc="share of the window in which they must work")
    utilization_min: float = threshold(0.3, 0.05, 1.0, doc="utilization from which an accelerator works")


def judge(window: Window, limits: EfficiencyDrag) -> Judgement:
    """Serving, not hot, and a third of the work lost: to the slowest of its kind, or to slowdowns."""
    penalties = [max(1.0, penalty) for penalty in window.known("thermal_penalty")]
    if len(penalties) < limits.working_share_min * window.places or not known(window.live):
        return UNKNOWN
    hot = mean(window.known("hot"))
    by_penalty = 1.0 - 1.0 / mean(penalties)
    behind, slowest = _behind(window, limits)
    lost = max(by_penalty, behind) if known(behind) else by_penalty
    evidence = (
        compared("work_lost", lost, ">=", limits.lost_min),
        compared("live_share", window.live, ">=", limits.live_share_min),
        compared("hot_share", hot, "<=", limits.hot_share_max),
        measured("thermal_penalty", mean(penalties)),
        measured("slowest_behind", behind, subject=slowest),
    )
    if window.live < limits.live_share_min or hot > limits.hot_share_max or lost < limits.lost_min:
        return Judgement(False, evidence)
    if known(behind) and behind >= by_penalty:
        text = f"{slowest} runs {behind:.0%} slower than the others, which wait for it"
        return Judgement(True, evidence, "warning", 1.0 - hot, (slowest,), text)
    text = f"slowdowns of the hardware take {by_penalty:.0%} of the work, and it is not hot"
    return Judgement(True, evidence, "warning", 1.0 - hot, (), text)


def _behind(window: Window, limits: EfficiencyDrag) -> tuple[float, str]:
    """Return how far the slowest of several alike that work is behind the middle of them, and its id."""
    loaded = [
        one
        for one in at_work(sensed(window, "sm_clock_mhz"), utilization_min=limits.utilization_min)
        if one.panes >= limits.working_share_min * window.places
    ]
    slowest, most = "", NAN
    for kind in sorted({one.gpu.name for one in loaded}):
        alike = [one for one in loaded if one.gpu.name == kind]
        if len(alike) > 1:
            last = min(alike, key=_mhz)
            usual = median([one.mhz for one in alike if one is not last])
            behind = 1.0 - last.mhz / usual if usual > 0 else NAN
            if not most >= behind:
                slowest, most = last.gpu.gpu_id, behind
    return most, slowest


def _mhz(one: AtWork) -> float:
    return one.mhz


PATTERN = Pattern(
    id="efficiency_drag",
    title="Held back by a slow accelerator",
    about=(
        "The node serves, is not hot, and loses a third of its work to slowdowns or to one slow accelerator."
    ),
    window_s=300,
    min_coverage=0.7,
    for_s=0,
    clear_s=60,
    hints={"warning": "monitor"},
    action="reduce_batch_size",
    recommendation=(
        "Compare the accelerators' clocks, power limits and slowdown reasons; take the slow one out of the "
        "group that serves a model together, or reset its clocks and limits."
    ),
    thresholds=EfficiencyDrag,
    judge=judge,
    departs=(
        "Accelerators that share a model wait for the slowest, which a mean penalty over eight of them "
        "hides: the slowest is held against the others. Wicklee's test for heat read the CPU, so that its "
        "pattern told of hot GPUs; here that is thermal_drain. A full memory is no longer a reason for "
        "silence."
    ),
)
