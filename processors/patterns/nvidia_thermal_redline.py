"""An accelerator at its own thermal limit."""

from dataclasses import dataclass

from processors.patterns.accelerators import Found, combined, concerned, worst
from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.series import GpuSeries
from processors.windows.window import Window, mean
from schemas.events.observation import Evidence, Severity
from schemas.events.reading import NAN, known

# Share of the newest pane's samples that makes it critical at once.
_CRITICAL_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class NvidiaThermalRedline(Thresholds):
    """Thresholds of nvidia_thermal_redline."""

    margin_c: float = threshold(
        3.0, 0.0, 30.0, "°C", doc="below its slowdown threshold, from where it is at its limit"
    )
    share_min: float = threshold(0.7, 0.1, 1.0, doc="share of the window at the limit")
    known_share_min: float = threshold(0.5, 0.1, 1.0, doc="share of the window that must tell")


def judge(window: Window, limits: NvidiaThermalRedline) -> Judgement:
    """At the limit for most of two minutes; critical where it is reached, or the hardware slows down, now."""
    gpus = [gpu for gpu in window.gpu_series if not gpu.lost]
    told = [gpu for gpu in gpus if gpu.known_share("temperature_slowdown_c") > 0]
    if not told:
        return _by_state(window, limits) if gpus else UNKNOWN
    found = [_found(gpu, limits) for gpu in told]
    holds, most = combined(found), worst(found)
    gpu = most.gpu
    slowdown_c = gpu.newest("temperature_slowdown_c")
    evidence: tuple[Evidence, ...] = (
        compared("limit_share", most.value, ">=", limits.share_min, subject=gpu.gpu_id),
        compared(
            "temperature_c",
            gpu.newest("temperature_c"),
            ">=",
            slowdown_c - limits.margin_c,
            "°C",
            subject=gpu.gpu_id,
        ),
        measured("temperature_slowdown_c", slowdown_c, "°C", subject=gpu.gpu_id),
        measured("thermal_slowdown_share", gpu.mean("throttled_thermal"), subject=gpu.gpu_id),
    )
    if not holds:
        return Judgement(holds, evidence)
    if not most.value >= limits.share_min:
        now = gpu.slots[-1].thermal_critical
        evidence = (compared("critical_now", now, ">=", _CRITICAL_SHARE, subject=gpu.gpu_id), *evidence)
    critical = [one for one in found if one.holds and _critical_now(one.gpu)]
    severity: Severity = "critical" if critical else "warning"
    slowed = gpu.mean("throttled_thermal")
    at = f"{gpu.gpu_id} is at {gpu.newest('temperature_c'):.0f} °C"
    text = f"{at}, and its hardware slows down at {slowdown_c:.0f} °C"
    if slowed >= limits.share_min:
        text = f"{at}, and heat slowed it down {slowed:.0%} of the time"
    confidence = min(1.0, gpu.known_share("temperature_c"))
    return Judgement(True, evidence, severity, confidence, concerned(found), text)


def _found(gpu: GpuSeries, limits: NvidiaThermalRedline) -> Found:
    told = [
        degrees >= slowdown - limits.margin_c or slowed >= 0.5
        for degrees, slowdown, slowed in zip(
            gpu.column("temperature_c"),
            gpu.column("temperature_slowdown_c"),
            gpu.column("throttled_thermal"),
            strict=True,
        )
        if known(degrees - slowdown)
    ]
    if len(told) < limits.known_share_min * gpu.places:
        return Found(gpu, True if told and _critical_now(gpu) else None, NAN)
    share = sum(told) / len(told)
    return Found(gpu, share >= limits.share_min or _critical_now(gpu), share)


def _critical_now(gpu: GpuSeries) -> bool:
    """Whether most of the newest pane was critical: the threshold reached, or the hardware slowed down."""
    return gpu.slots[-1].thermal_critical >= _CRITICAL_SHARE


def _by_state(window: Window, limits: NvidiaThermalRedline) -> Judgement:
    """Judge by the state of heat where no threshold is told, as by macOS's thermal pressure."""
    if not mean(window.column("thermal_known")) >= limits.known_share_min:
        return UNKNOWN
    hot, now = mean(window.known("hot")), window.slots[-1].critical
    critical = now >= _CRITICAL_SHARE
    evidence: tuple[Evidence, ...] = (compared("hot_share", hot, ">=", limits.share_min),)
    if not hot >= limits.share_min:
        evidence = (compared("critical_now", now, ">=", _CRITICAL_SHARE), *evidence)
    if not hot >= limits.share_min and not critical:
        return Judgement(False, evidence)
    severity: Severity = "critical" if critical else "warning"
    text = f"the accelerator was at its thermal limit for {hot:.0%} of {window.seconds // 60} minutes"
    return Judgement(True, evidence, severity, max(hot, 0.5), tuple(window.gpus), text)


PATTERN = Pattern(
    id="nvidia_thermal_redline",
    title="Accelerator at its thermal limit",
    about="An accelerator is within 3 °C of its slowdown threshold, or slowed down by heat, for two minutes.",
    window_s=120,
    min_coverage=0.5,
    for_s=0,
    clear_s=60,
    hints={"warning": "steer_away", "critical": "steer_away"},
    action="check_thermal_zone",
    recommendation="Take work off the node; check the fans, the air at the inlet and dust on the cooler.",
    thresholds=NvidiaThermalRedline,
    judge=judge,
    departs=(
        "The limit is the board's own slowdown threshold instead of 85 and 90 °C: an H100 slows down at 89 "
        "°C, an RTX A6000 at 95 °C. The throttle reasons count as well, since boards begin to slow down "
        "below that threshold. Two minutes instead of five, as its text said. All accelerators count, "
        "Apple's too, by the system's thermal pressure."
    ),
)
