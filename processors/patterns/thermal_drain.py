"""Serving slower because the accelerators are hot."""

from collections.abc import Iterable
from dataclasses import dataclass

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.slot import Slot
from processors.windows.window import Window, mean
from schemas.events.observation import Severity
from schemas.events.reading import NAN, known


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
    like_load: float = threshold(
        0.25, 0.0, 1.0, doc="how far requests in progress may differ for two speeds to be compared"
    )
    cool_panes_min: float = threshold(
        3, 1, 60, "panes", doc="cool panes of like load without which no loss is known"
    )


def judge(window: Window, limits: ThermalDrain) -> Judgement:
    """Hot for most of the window while serving, and slower than before it was hot."""
    known_share = mean(window.column("thermal_known"))
    if not known_share >= limits.hot_share_min or not known(window.live):
        return UNKNOWN
    hot = mean(window.known("hot"))
    if not known(hot):
        return UNKNOWN
    loss = _loss(window, limits) if hot >= limits.hot_share_min else NAN
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
    return Judgement(True, evidence, severity, min(1.0, hot), _hot_gpus(window), text)


def _loss(window: Window, limits: ThermalDrain) -> float:
    """Return the share of speed lost while hot, against cool panes with about as many requests."""
    hot = _serving(slot for slot in window.slots if slot.hot > 0.5)
    if not hot:
        return NAN
    load = mean([running for running, _ in hot])
    most_apart = limits.like_load * load
    cool = [
        speed
        for running, speed in _serving(slot for slot in window.slots if slot.hot <= 0.0)
        if not abs(running - load) > most_apart
    ]
    if len(cool) < limits.cool_panes_min:
        return NAN
    before = mean(cool)
    return (before - mean([speed for _, speed in hot])) / before if before > 0 else NAN


def _serving(slots: Iterable[Slot]) -> list[tuple[float, float]]:
    """Return (requests in progress, tokens a second) of the panes in which tokens were generated."""
    return [
        (slot.work.running, slot.tokens_per_second.mean) for slot in slots if slot.tokens_per_second.mean > 0
    ]


def _hot_gpus(window: Window) -> tuple[str, ...]:
    return tuple(
        gpu.gpu_id
        for gpu in window.gpu_series
        if gpu.mean("thermal_serious") + gpu.mean("thermal_critical") >= 0.5
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
        "be serving by its counters, since a speed that was kept from a probe says nothing. Speeds are "
        "compared at like load: what makes a node hot is often that it has more to do."
    ),
)
