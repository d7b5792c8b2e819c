"""Accelerators wait for memory, and the node has become much slower."""

from dataclasses import dataclass
from typing import NamedTuple

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.series import GpuSeries
from processors.windows.serving import resting, worked
from processors.windows.slot import Slot
from processors.windows.window import Window, mean, mean_known
from schemas.events.observation import Evidence
from schemas.events.reading import NAN

RECENT_S = 300


@dataclass(frozen=True, slots=True)
class BandwidthSaturation(Thresholds):
    """Thresholds of bandwidth_saturation."""

    traffic_min: float = threshold(
        0.8, 0.3, 1.0, doc="share of the time in which an accelerator's memory is read or written"
    )
    idle_cores_max: float = threshold(
        0.45, 0.05, 0.9, doc="share of the time with work, below which cores wait for a slower memory"
    )
    full_min: float = threshold(0.8, 0.1, 1.0, doc="share of accelerator memory in use, for the same")
    fall_min: float = threshold(0.35, 0.05, 0.95, doc="share of tokens a second lost, with one model")
    load_min: float = threshold(
        0.75, 0.1, 2.0, doc="requests in progress against those before: fewer make fewer tokens"
    )
    hot_share_max: float = threshold(0.3, 0.0, 1.0, doc="share of samples with a hot accelerator")
    panes_min: float = threshold(6.0, 3.0, 30.0, doc="panes to compare, before and now")


class _Fall(NamedTuple):
    """The share of tokens a second lost, the load against that before, and the panes compared."""

    share: float
    load: float
    panes: int


class _Waits(NamedTuple):
    """Means over the accelerators at work, of the last five minutes."""

    traffic: float
    utilization: float
    full: float


def judge(window: Window, limits: BandwidthSaturation) -> Judgement:
    """Waiting for memory for five minutes, and a third slower than in the five before."""
    since = window.ended_at - RECENT_S * 1_000_000
    panes = worked(window)
    now = [pane for pane in panes if pane.started_at >= since]
    if len(now) < limits.panes_min:
        return Judgement(False) if resting(window) else UNKNOWN
    fall = _fall([pane for pane in panes if pane.started_at < since], now)
    evidence: tuple[Evidence, ...] = (
        compared("fall", fall.share, ">=", limits.fall_min),
        compared("load_ratio", fall.load, ">=", limits.load_min),
    )
    if fall.panes < limits.panes_min:
        return Judgement(None, evidence)
    if fall.share < limits.fall_min or fall.load < limits.load_min:
        return Judgement(False, evidence)
    return _waiting(window.last(RECENT_S), fall, evidence, limits)


def _waiting(
    recent: Window, fall: _Fall, evidence: tuple[Evidence, ...], limits: BandwidthSaturation
) -> Judgement:
    """Return whether memory is what the slower accelerators wait for."""
    waits, hot = _waits(recent), mean(recent.known("hot"))
    by_wait = waits.utilization < limits.idle_cores_max and waits.full >= limits.full_min
    by_traffic = waits.traffic >= limits.traffic_min
    evidence = (
        *evidence,
        _sign(waits, limits, by_wait=by_wait),
        measured("memory_used_ratio", waits.full),
        compared("hot_share", hot, "<=", limits.hot_share_max),
    )
    if not (by_traffic or by_wait):
        known = waits.traffic == waits.traffic or waits.utilization == waits.utilization
        return Judgement(False if known else None, evidence)
    if hot > limits.hot_share_max:
        return Judgement(False, evidence)
    why = "wait for slower memory" if by_wait else f"move data {waits.traffic:.0%} of the time"
    text = f"{fall.share:.0%} fewer tokens a second than before at no less load, while accelerators {why}"
    subjects = tuple(gpu.gpu_id for gpu in recent.gpu_series if gpu.mean("active") >= 0.5)
    return Judgement(True, evidence, "warning", min(1.0, fall.panes / 30 + 0.4), subjects, text)


def _waits(window: Window) -> _Waits:
    gpus = [gpu for gpu in window.gpu_series if gpu.mean("active") >= 0.5]
    return _Waits(
        mean_known(gpu.mean("memory_utilization_ratio") for gpu in gpus),
        mean_known(gpu.mean("utilization_ratio") for gpu in gpus),
        mean_known(_full(gpu) for gpu in gpus),
    )


def _full(gpu: GpuSeries) -> float:
    total = gpu.newest("memory_total_bytes")
    return gpu.mean("memory_used_bytes") / total if total > 0.0 else NAN


def _sign(waits: _Waits, limits: BandwidthSaturation, *, by_wait: bool) -> Evidence:
    if by_wait:
        return compared("utilization", waits.utilization, "<", limits.idle_cores_max)
    return compared("memory_traffic", waits.traffic, ">=", limits.traffic_min)


def _fall(before: list[Slot], now: list[Slot]) -> _Fall:
    """Compare the model that is served now with itself, five minutes ago."""
    model = now[-1].work.model
    then, since = ([pane for pane in panes if pane.work.model == model] for panes in (before, now))
    if not then:
        return _Fall(NAN, NAN, 0)
    speeds = [mean([pane.tokens_per_second.mean for pane in panes]) for panes in (then, since)]
    loads = [mean([pane.work.running for pane in panes]) for panes in (then, since)]
    return _Fall(1.0 - speeds[1] / speeds[0], loads[1] / loads[0], min(len(then), len(since)))


PATTERN = Pattern(
    id="bandwidth_saturation",
    title="Starved by memory bandwidth",
    about="The accelerators wait for memory, and the node writes a third fewer tokens than it just did.",
    window_s=600,
    min_coverage=0.7,
    for_s=0,
    clear_s=60,
    hints={"warning": "steer_away"},
    action="switch_quantization",
    recommendation=(
        "Choose a smaller quantization or a shorter context, and look for other programs on the accelerators."
    ),
    thresholds=BandwidthSaturation,
    judge=judge,
    departs=(
        "Memory traffic is read where the driver tells it; low utilization with full memory remains the sign "
        "for what waits for host memory. Tokens a second stand for WES, since an accelerator that waits "
        "draws less power and hides it; they are held against the same model at no less load, not against "
        "the best moment of ten minutes: a smaller batch is no starvation. Before, idle minutes with a speed "
        "kept from a probe could meet it."
    ),
)
