"""Memory running full at a steady rate: of the machine, or of an accelerator."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.window import PANE_US, Window, slope_per_minute
from schemas.events.observation import Severity
from schemas.events.reading import NAN, known

_HOST = "host"
_FAST_S = 300


@dataclass(frozen=True, slots=True)
class MemoryTrajectory(Thresholds):
    """Thresholds of memory_trajectory."""

    full_ratio: float = threshold(0.95, 0.5, 1.0, doc="share of the memory that counts as full")
    minutes_max: float = threshold(30.0, 1.0, 240.0, "min", doc="minutes until it is full, at this rate")
    rise_min: float = threshold(
        0.003, 0.0001, 0.5, "1/min", doc="share of the memory that fills each minute, over ten minutes"
    )
    fast_rise_min: float = threshold(0.015, 0.0001, 0.5, "1/min", doc="the same, over five minutes")
    jump_max: float = threshold(
        0.25, 0.05, 1.0, doc="share of the rise that one pane may bring: more is a model that was loaded"
    )
    critical_minutes: float = threshold(5.0, 0.0, 60.0, "min", doc="minutes until full that are critical")


class Rise(NamedTuple):
    """How the memory of one subject fills; ``jump`` is the largest share of the rise in one pane."""

    subject: str
    per_minute: float
    ratio: float
    minutes: float
    jump: float
    over_s: int


def judge(window: Window, limits: MemoryTrajectory) -> Judgement:
    """The memory of the machine or of an accelerator fills steadily, and will be full soon."""
    rises = [rise for rise in _rises(window, limits) if rise is not None]
    if not rises:
        return UNKNOWN
    worst = min(rises, key=lambda rise: (not _fills(rise, limits), -rise.per_minute, rise.subject))
    evidence = (
        compared("minutes_until_full", worst.minutes, "<=", limits.minutes_max, "min", subject=worst.subject),
        compared(
            "rise_per_minute",
            worst.per_minute,
            ">=",
            _least(worst.over_s, limits),
            "1/min",
            subject=worst.subject,
        ),
        measured("memory_used_ratio", worst.ratio, subject=worst.subject),
        compared("largest_jump", worst.jump, "<=", limits.jump_max),
    )
    filling = sorted(rise.subject for rise in rises if _fills(rise, limits))
    if not filling:
        return Judgement(False, evidence)
    severity: Severity = "critical" if worst.minutes <= limits.critical_minutes else "warning"
    text = (
        f"memory of {worst.subject} is {worst.ratio:.0%} full, rises {worst.per_minute:.1%} a minute and is "
        f"full in {worst.minutes:.0f} minutes"
    )
    confidence = max(0.3, 1.0 - worst.jump)
    return Judgement(True, evidence, severity, confidence, tuple(filling), text)


def _rises(window: Window, limits: MemoryTrajectory) -> Iterator[Rise | None]:
    """Give how every memory fills; None: it is not known."""
    used, available = window.column("memory_used_bytes"), window.column("memory_available_bytes")
    shares = [
        one / (one + other) if one + other > 0 else NAN for one, other in zip(used, available, strict=True)
    ]
    yield _rise(_HOST, [slot.started_at + PANE_US for slot in window.slots], shares, window, limits)
    least = 0.5 * min(limits.rise_min * window.seconds, limits.fast_rise_min * _FAST_S) / 60
    for gpu in window.gpu_series:
        held, total = gpu.known("memory_used_bytes"), gpu.newest("memory_total_bytes")
        if not held or not total > 0:
            yield None
        elif held[-1] - min(held) < least * total:
            yield Rise(gpu.gpu_id, 0.0, held[-1] / total, NAN, NAN, window.seconds)
        else:
            ratios = [value / total for value in gpu.column("memory_used_bytes")]
            yield _rise(gpu.gpu_id, gpu.ends, ratios, window, limits)


def _rise(
    subject: str, ends: Sequence[int], shares: Sequence[float], window: Window, limits: MemoryTrajectory
) -> Rise | None:
    """Return how a memory fills, by ten minutes, or by five if it fills faster; None: it is not known."""
    points = [point for point in zip(ends, shares, strict=True) if known(point[1])]
    slow = _over(subject, points, window, window.seconds, limits)
    fast = _over(subject, points, window, _FAST_S, limits)
    if fast is not None and (slow is None or (_fills(fast, limits) and not _fills(slow, limits))):
        return fast
    return slow


def _over(
    subject: str, points: Sequence[tuple[int, float]], window: Window, over_s: int, limits: MemoryTrajectory
) -> Rise | None:
    points = [point for point in points if point[0] > window.ended_at - over_s * 1_000_000]
    if len(points) < 0.7 * over_s * 1_000_000 / PANE_US:
        return None
    ratio = points[-1][1]
    grown = ratio - points[0][1]
    # A line through the points may be a little steeper than from end to end, never twice.
    if grown * 60 < 0.5 * _least(over_s, limits) * over_s:
        return Rise(subject, grown * 60 / over_s, ratio, NAN, NAN, over_s)
    slope = slope_per_minute(points)
    jump = max(later[1] - earlier[1] for earlier, later in pairwise(points)) / grown
    minutes = max(0.0, limits.full_ratio - ratio) / slope if slope > 0.0 else NAN
    return Rise(subject, slope, ratio, minutes, jump, over_s)


def _least(over_s: int, limits: MemoryTrajectory) -> float:
    return limits.rise_min if over_s > _FAST_S else limits.fast_rise_min


def _fills(rise: Rise, limits: MemoryTrajectory) -> bool:
    steady = rise.per_minute >= _least(rise.over_s, limits) and rise.jump <= limits.jump_max
    return steady and rise.minutes <= limits.minutes_max


PATTERN = Pattern(
    id="memory_trajectory",
    title="Memory is running full",
    about="Memory of the machine or of an accelerator fills steadily and will be full within half an hour.",
    window_s=600,
    min_coverage=0.5,
    for_s=60,
    clear_s=120,
    hints={"warning": "monitor", "critical": "steer_away"},
    action="evict_idle_models",
    recommendation=(
        "Find the process that grows; unload idle models to win time, and restart what leaks before the "
        "kernel chooses a victim."
    ),
    thresholds=MemoryTrajectory,
    judge=judge,
    departs=(
        "Any platform, from used and available memory, and accelerator memory too (before: macOS alone). The "
        "rise has a minimum, and it must be steady: a model that is loaded is a jump. How full it may "
        "be has no upper bound: the nearer to full, the more it matters, and the last minutes are critical."
    ),
)
