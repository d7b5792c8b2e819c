"""Clocks held down by a power limit below the board's own."""

from dataclasses import dataclass

from processors.patterns.accelerators import Found, combined, concerned, sensed, worst
from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.series import GpuSeries
from processors.windows.window import Window
from schemas.events.reading import NAN


@dataclass(frozen=True, slots=True)
class PowerCapThrottle(Thresholds):
    """Thresholds of power_cap_throttle."""

    limit_ratio_max: float = threshold(
        0.95, 0.1, 1.0, doc="power limit, of the board's default, up to which the limit is low"
    )
    capped_share_min: float = threshold(
        0.5, 0.05, 1.0, doc="share of samples at work in which the limit held the clocks down"
    )
    working_share_min: float = threshold(0.3, 0.05, 1.0, doc="share of the window in which it must work")


def judge(window: Window, limits: PowerCapThrottle) -> Judgement:
    """At work, held down by its power limit most of the time, and the limit is below the default."""
    gpus = sensed(window, "power_limit_w")
    if not gpus:
        return UNKNOWN
    found = [_found(gpu, window, limits) for gpu in gpus]
    holds, most = combined(found), worst(found)
    gpu = most.gpu
    ratio, limit_w, default_w = _ratio(gpu), gpu.newest("power_limit_w"), gpu.newest("power_limit_default_w")
    evidence = (
        compared("limit_ratio", ratio, "<=", limits.limit_ratio_max, subject=gpu.gpu_id),
        compared("capped_share", most.value, ">=", limits.capped_share_min, subject=gpu.gpu_id),
        measured("power_limit_w", limit_w, "W", subject=gpu.gpu_id),
        measured("power_limit_default_w", default_w, "W", subject=gpu.gpu_id),
        measured("power_w", gpu.mean("power_w"), "W", subject=gpu.gpu_id),
    )
    if not holds:
        return Judgement(holds, evidence)
    text = (
        f"{gpu.gpu_id} is limited to {limit_w:.0f} W of {default_w:.0f} W, and the limit held it down "
        f"{most.value:.0%} of the time"
    )
    return Judgement(True, evidence, "warning", min(1.0, most.value), concerned(found), text)


def _found(gpu: GpuSeries, window: Window, limits: PowerCapThrottle) -> Found:
    working = [active >= 0.5 for active in gpu.column("active")]
    capped = [share for share, works in zip(gpu.column("throttled_power"), working, strict=True) if works]
    if len(capped) < limits.working_share_min * window.places:
        return Found(gpu, False, NAN)
    share, ratio = sum(capped) / len(capped), _ratio(gpu)
    if share < limits.capped_share_min:
        return Found(gpu, False, share)
    return Found(gpu, None if ratio != ratio else ratio <= limits.limit_ratio_max, share)


def _ratio(gpu: GpuSeries) -> float:
    """Return the limit as a share of the default; NaN where either is not told."""
    default_w = gpu.newest("power_limit_default_w")
    return gpu.newest("power_limit_w") / default_w if default_w > 0 else NAN


PATTERN = Pattern(
    id="power_cap_throttle",
    title="Held down by a power limit",
    about="A power limit below the board's default holds the clocks down for most of the work.",
    window_s=300,
    min_coverage=0.7,
    for_s=0,
    clear_s=60,
    hints={"warning": "monitor"},
    action="check_power_limits",
    recommendation=(
        "If the limit is not meant, set it back (nvidia-smi -pl) and look for what lowered it: a power "
        "budget of the rack, a management controller, a script at boot."
    ),
    thresholds=PowerCapThrottle,
    judge=judge,
)
