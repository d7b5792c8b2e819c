"""Clocks that stay low under load, and neither heat nor a power limit says why."""

from dataclasses import dataclass

from processors.patterns.accelerators import Found, combined, concerned, sensed, worst
from processors.patterns.clocks import AtWork, at_work
from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.window import Window
from schemas.events.observation import Severity


@dataclass(frozen=True, slots=True)
class ClockDrift(Thresholds):
    """Thresholds of clock_drift."""

    lost_min: float = threshold(0.15, 0.01, 1.0, doc="share of the clock that is missing under load")
    critical_lost: float = threshold(0.35, 0.01, 1.0, doc="missing share from which it is critical")
    working_share_min: float = threshold(0.3, 0.05, 1.0, doc="share of the window in which it must work")
    utilization_min: float = threshold(0.5, 0.05, 1.0, doc="utilization from which an accelerator works")
    explained_share: float = threshold(
        0.3, 0.05, 1.0, doc="share of a pane's samples with heat or a power limit, from which it is that"
    )
    boost_share: float = threshold(
        0.8, 0.3, 1.0, doc="of the maximum clock, what GeForce and RTX boards reach in good health"
    )
    rated_share: float = threshold(0.95, 0.3, 1.0, doc="likewise, other boards")


def judge(window: Window, limits: ClockDrift) -> Judgement:
    """Well below its rating or its siblings under load, for no reason that heat or a power limit gives."""
    gpus = sensed(window, "sm_clock_max_mhz")
    if not gpus:
        return UNKNOWN
    loaded = at_work(
        gpus,
        utilization_min=limits.utilization_min,
        boost_share=limits.boost_share,
        rated_share=limits.rated_share,
        explained=limits.explained_share,
    )
    found = [Found(one.gpu, _holds(one, window, limits), one.lost) for one in loaded]
    holds, most = combined(found), worst(found)
    one = loaded[found.index(most)]
    name = one.gpu.gpu_id
    evidence = (
        compared("clock_lost", one.lost, ">=", limits.lost_min, subject=name),
        measured("sm_clock_mhz", one.mhz, "MHz", subject=name),
        measured("expected_clock_mhz", one.expected_mhz, "MHz", subject=name),
        measured("power_capped_share", one.capped, subject=name),
        measured("hardware_slowdown_share", one.braked, subject=name),
    )
    if not holds:
        return Judgement(holds, evidence)
    severity: Severity = "critical" if one.lost >= limits.critical_lost else "warning"
    why = "; the hardware holds it down" if one.braked >= limits.explained_share else ""
    text = (
        f"{name} runs at {one.mhz:.0f} MHz under load where {one.expected_mhz:.0f} MHz are usual, "
        f"{one.lost:.0%} less{why}"
    )
    confidence = min(1.0, one.panes / window.places)
    return Judgement(True, evidence, severity, confidence, concerned(found), text)


def _holds(one: AtWork, window: Window, limits: ClockDrift) -> bool | None:
    needed = limits.working_share_min * window.places
    if one.panes < needed:
        return None if one.panes + one.silent >= needed else False
    if one.lost != one.lost:
        return None
    return one.lost >= limits.lost_min


PATTERN = Pattern(
    id="clock_drift",
    title="Clocks below their rating",
    about=(
        "An accelerator at work stays well below its clock, and neither heat nor a power limit explains it."
    ),
    window_s=300,
    min_coverage=0.7,
    for_s=0,
    clear_s=60,
    hints={"warning": "monitor", "critical": "steer_away"},
    action="check_power_limits",
    recommendation=(
        "Look for locked clocks (nvidia-smi -q -d CLOCK,PERFORMANCE), for a power brake of the supply, and "
        "for loose power connectors; reset the clocks with nvidia-smi -rgc."
    ),
    thresholds=ClockDrift,
    judge=judge,
    departs=(
        "Only panes under load count: at rest low clocks are right, and Wicklee's pattern held on any idle "
        "GPU. Every accelerator is judged, against what its kind reaches instead of a maximum that many "
        "boards never reach. What heat or a power limit explains belongs to thermal_drain and "
        "power_cap_throttle."
    ),
)
