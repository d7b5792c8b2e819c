"""Power that swings: from second to second under steady work, or with requests that come all at once."""

from dataclasses import dataclass
from math import fsum, sqrt

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.slot import Slot
from processors.windows.window import Window
from schemas.events.reading import NAN, known


@dataclass(frozen=True, slots=True)
class PowerJitter(Thresholds):
    """Thresholds of power_jitter."""

    jitter_min: float = threshold(
        0.25, 0.02, 2.0, doc="deviation of the watts within ten seconds of steady work, of their mean"
    )
    steady_utilization: float = threshold(
        0.9, 0.3, 1.0, doc="utilization from which an accelerator works without a break"
    )
    steady_share_min: float = threshold(0.3, 0.05, 1.0, doc="share of the window with steady work")
    mean_min_w: float = threshold(10.0, 0.0, 1000.0, "W", doc="watts below which nothing is said")
    herd_requests_min: float = threshold(
        16, 2, 10_000, "requests", doc="requests in progress at the peak of a herd"
    )
    herds_min: float = threshold(4, 2, 30, "herds", doc="times in five minutes that a herd came and went")


def judge(window: Window, limits: PowerJitter) -> Judgement:
    """Swings under steady work; or herds of requests, with rest between them."""
    told = [slot for slot in window.slots if slot.power_w.n and slot.gpus]
    needed = limits.steady_share_min * window.places
    if len(told) < needed:
        return UNKNOWN
    steady: list[Slot] = []
    if any(_swings(slot, limits) for slot in told):
        steady = [slot for slot in told if slot.power_w.n >= 2 and _is_steady(slot, limits)]
    jitter, mean_w = _jitter(steady), window.power_w.mean
    herds, peak = _herds(window, limits)
    evidence = (
        compared("power_jitter", jitter, ">=", limits.jitter_min),
        compared("herds", float(herds), ">=", limits.herds_min),
        measured("power_w", mean_w, "W"),
        measured("requests_running_max", peak, "requests"),
    )
    swings = len(steady) >= needed and jitter >= limits.jitter_min and mean_w >= limits.mean_min_w
    if swings:
        text = f"under steady work the power of {mean_w:.0f} W swings by {jitter:.0%} from second to second"
        return Judgement(True, evidence, "warning", min(1.0, len(steady) / window.places), (), text)
    if herds >= limits.herds_min:
        text = f"{herds} times in {window.seconds // 60} minutes up to {peak:.0f} requests came all at once"
        return Judgement(True, (evidence[1], evidence[0], *evidence[2:]), "warning", 0.7, (), text)
    return Judgement(False, evidence)


def _swings(slot: Slot, limits: PowerJitter) -> bool:
    """Return whether one pane by itself is above the line; without one nothing need be computed."""
    n, mean_w, m2 = slot.power_w[:3]
    return m2 > (limits.jitter_min * mean_w) ** 2 * (n - 1)


def _is_steady(slot: Slot, limits: PowerJitter) -> bool:
    """Return whether every accelerator either worked without a break or rested, and one worked, not hot."""
    if slot.hot > 0.0:
        return False
    whole = [gpu for gpu in slot.gpus if gpu.whole]
    works = [gpu.active >= 1.0 and gpu.utilization_ratio >= limits.steady_utilization for gpu in whole]
    rests = [gpu.active <= 0.0 for gpu in whole]
    return any(works) and all(work or rest for work, rest in zip(works, rests, strict=True))


def _jitter(steady: list[Slot]) -> float:
    """Return the deviation within panes, of the mean; slow changes between panes are left out."""
    freedom = fsum(slot.power_w.n - 1 for slot in steady)
    mean_w = fsum(slot.power_w.mean for slot in steady) / len(steady) if steady else NAN
    if not freedom > 0 or not mean_w > 0:
        return NAN
    return sqrt(fsum(slot.power_w.m2 for slot in steady) / freedom) / mean_w


def _herds(window: Window, limits: PowerJitter) -> tuple[int, float]:
    """Return how often requests rose from few to nearly the peak within one pane, and the peak.

    Requests that come one by one, each at a moment of its own, rise and fall as much but take their time.
    """
    if not any(slot.work.running > 0 for slot in window.slots):
        return 0, NAN
    highs = [_sum(slot, most=True) for slot in window.slots]
    peak = max((high for high in highs if known(high)), default=NAN)
    if not peak >= limits.herd_requests_min:
        return 0, peak
    herds = 0
    for slot, before, high in zip(window.slots[1:], highs, highs[1:], strict=False):
        few = min(before, _sum(slot, most=False)) <= 0.2 * peak
        herds += few and before < 0.5 * peak and high >= 0.75 * peak
    return herds, peak


def _sum(slot: Slot, *, most: bool) -> float:
    told = [
        one.requests_running_max if most else one.requests_running_min
        for one in slot.runtimes
        if known(one.requests_running)
    ]
    return fsum(told) if told else NAN


PATTERN = Pattern(
    id="power_jitter",
    title="Power swings",
    about="The power swings from second to second under steady work, or herds of requests come and go.",
    window_s=300,
    min_coverage=0.7,
    for_s=0,
    clear_s=60,
    hints={"warning": "reduce_batch"},
    action="reduce_batch_size",
    recommendation=(
        "Under steady work check the power supply and its cables for a power brake; with herds spread the "
        "callers in time, or let a queue do it."
    ),
    thresholds=PowerJitter,
    judge=judge,
    departs=(
        "The spread of five minutes' watts is large for any node that works now and then, so only swings "
        "within ten seconds of steady work count, or requests that come and go in herds of sixteen. Where "
        "heat slows the board down and lets go again, it is heat that is told. A quarter instead of a "
        "fifth: reading prompts and writing tokens in turn makes a fifth in good health. Watts are counted "
        "once, on Apple too."
    ),
)
