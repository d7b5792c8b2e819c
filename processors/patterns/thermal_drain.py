"""Serving slower because the accelerators are hot."""

from dataclasses import dataclass

from processors.panes.statistics import merge_all
from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.window import Window, mean
from schemas.events.observation import Severity
from schemas.events.reading import known


@dataclass(frozen=True, slots=True)
class ThermalDrain(Thresholds):
    """Thresholds of thermal_drain."""

    hot_share_min: float = threshold(
        0.7, 0.1, 1.0, doc="share of samples with a hot accelerator, of the window"
    )
    live_share_min: float = threshold(0.3, 0.0, 1.0, doc="share of samples in which the node was serving")
    loss_min: float = threshold(
        0.08, 0.0, 1.0, doc="loss of speed against the cooler part, where one is known"
    )
    critical_loss: float = threshold(0.2, 0.0, 1.0, doc="loss of speed from which it is critical")


def judge(window: Window, limits: ThermalDrain) -> Judgement:
    """Hot for most of the window while serving, and slower than before it was hot."""
    known_share = mean(window.column("thermal_known"))
    if not known_share >= limits.hot_share_min or not known(window.live):
        return UNKNOWN
    hot = mean(window.known("hot"))
    loss = _loss(window)
    evidence = (
        compared("hot_share", hot, ">=", limits.hot_share_min),
        compared("live_share", window.live, ">=", limits.live_share_min),
        compared("speed_loss", loss, ">", limits.loss_min) if known(loss) else measured("speed_loss", loss),
    )
    if hot < limits.hot_share_min or window.live < limits.live_share_min or loss <= limits.loss_min:
        return Judgement(False, evidence)
    severity: Severity = "critical" if loss > limits.critical_loss else "warning"
    lost = f", {loss:.0%} slower than when it was cool" if known(loss) else ""
    text = f"hot for {hot:.0%} of {window.seconds // 60} minutes while serving{lost}"
    return Judgement(True, evidence, severity, hot, _hot_gpus(window), text)


def _loss(window: Window) -> float:
    """Return the share of speed lost while hot; NaN where the window has no cool part."""
    cool = merge_all(slot.tokens_per_second for slot in window.slots if slot.hot <= 0.0)
    hot = merge_all(slot.tokens_per_second for slot in window.slots if slot.hot > 0.5)
    return (cool.mean - hot.mean) / cool.mean if cool.n and hot.n and cool.mean > 0 else float("nan")


def _hot_gpus(window: Window) -> tuple[str, ...]:
    return tuple(
        gpu_id
        for gpu_id, slots in window.gpus.items()
        if mean([gpu.thermal_serious + gpu.thermal_critical for _, gpu in slots]) >= 0.5
    )


PATTERN = Pattern(
    id="thermal_drain",
    title="Heat costs speed",
    about="The accelerators have been hot for most of five minutes while serving.",
    window_s=300,
    min_coverage=0.7,
    for_s=0,
    clear_s=60,
    hints={"warning": "steer_away", "critical": "steer_away"},
    action="check_thermal_zone",
    recommendation="Check fans, filters and the air around the node; send work elsewhere until it is cool.",
    thresholds=ThermalDrain,
    judge=judge,
    departs=(
        "Heat is the accelerators' own, from throttle reasons and temperatures, not the CPU's; a node must "
        "be serving by its counters, since a speed that was kept from a probe says nothing."
    ),
)
