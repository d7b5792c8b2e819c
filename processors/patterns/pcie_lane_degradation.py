"""A PCIe link that stays narrower or slower than it could be, under load."""

from dataclasses import dataclass

from processors.patterns.accelerators import Found, combined, concerned, worst
from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.series import GpuSeries
from processors.windows.slot import HealthSlot
from processors.windows.window import Window
from schemas.events.observation import Severity
from schemas.events.reading import NAN, known


@dataclass(frozen=True, slots=True)
class PcieLaneDegradation(Thresholds):
    """Thresholds of pcie_lane_degradation."""

    share_min: float = threshold(0.9, 0.1, 1.0, doc="share of the readings under load with a lesser link")
    loaded_panes_min: float = threshold(
        6, 1, 30, "panes", doc="readings under load without which nothing is told"
    )
    utilization_min: float = threshold(0.3, 0.01, 1.0, doc="utilization from which a link is under load")
    critical_width_ratio: float = threshold(
        0.5, 0.01, 1.0, doc="lanes, of those there could be, up to which it is critical"
    )


def judge(window: Window, limits: PcieLaneDegradation) -> Judgement:
    """Fewer lanes or an older generation than device and slot have, in nearly every reading under load."""
    gpus = [gpu for gpu in window.gpu_series if not gpu.lost and _has_link(window, gpu)]
    if not gpus:
        return UNKNOWN
    under_load = {gpu.gpu_id: _under_load(window, gpu, limits) for gpu in gpus}
    last = {gpu.gpu_id: window.health[gpu.gpu_id][-1][1] for gpu in gpus}
    found = [_found(gpu, under_load[gpu.gpu_id], last[gpu.gpu_id], limits) for gpu in gpus]
    holds, most = combined(found), worst(found)
    name = most.gpu.gpu_id
    lesser = [health for health in under_load[name] if _lesser(health)]
    newest = lesser[-1] if lesser else last[name]
    evidence = (
        compared("lesser_share", most.value, ">=", limits.share_min, subject=name),
        compared("pcie_width", newest.pcie_width, "<", newest.pcie_width_max, "lanes", subject=name),
        compared("pcie_generation", newest.pcie_generation, "<", newest.pcie_generation_max, subject=name),
        measured("readings_under_load", float(len(under_load[name])), subject=name),
        measured("pcie_replays_total", newest.pcie_replays_total, subject=name),
    )
    if not holds:
        return Judgement(holds, evidence)
    narrow = any(
        _lanes_ratio(under_load[one.gpu.gpu_id]) <= limits.critical_width_ratio for one in found if one.holds
    )
    severity: Severity = "critical" if narrow else "warning"
    text = f"{name} has {newest.pcie_width:.0f} of {newest.pcie_width_max:.0f} lanes under load"
    if newest.pcie_generation < newest.pcie_generation_max:
        text += f", generation {newest.pcie_generation:.0f} of {newest.pcie_generation_max:.0f}"
    return Judgement(True, evidence, severity, most.value, concerned(found), text)


def _has_link(window: Window, gpu: GpuSeries) -> bool:
    return any(
        known(health.pcie_width) and health.pcie_width_max > 0
        for _, health in window.health.get(gpu.gpu_id, [])
    )


def _under_load(window: Window, gpu: GpuSeries, limits: PcieLaneDegradation) -> list[HealthSlot]:
    """Return the readings of the link from panes in which the accelerator worked throughout."""
    worked = {
        end
        for end, slot in zip(gpu.ends, gpu.slots, strict=True)
        if slot.active >= 1.0 and slot.utilization_ratio >= limits.utilization_min
    }
    return [
        health
        for end, health in window.health.get(gpu.gpu_id, [])
        if end in worked and known(health.pcie_width) and health.pcie_width_max > 0
    ]


def _found(
    gpu: GpuSeries, readings: list[HealthSlot], newest: HealthSlot, limits: PcieLaneDegradation
) -> Found:
    if len(readings) < limits.loaded_panes_min:
        # At rest a lesser link saves power, and tells nothing; a full one is full.
        return Found(gpu, None if _lesser(newest) else False, NAN)
    share = sum(map(_lesser, readings)) / len(readings)
    return Found(gpu, share >= limits.share_min, share)


def _lanes_ratio(readings: list[HealthSlot]) -> float:
    return readings[-1].pcie_width / readings[-1].pcie_width_max


def _lesser(health: HealthSlot) -> bool:
    return (
        not health.pcie_width >= health.pcie_width_max
        or 0 < health.pcie_generation < health.pcie_generation_max
    )


PATTERN = Pattern(
    id="pcie_lane_degradation",
    title="PCIe link below its width",
    about=(
        "The link of an accelerator at work has fewer lanes, or an older generation, than device and slot "
        "have."
    ),
    window_s=120,
    min_coverage=0.5,
    for_s=0,
    clear_s=60,
    hints={"warning": "monitor", "critical": "monitor"},
    action="check_pcie_link",
    recommendation=(
        "Reseat the card and its riser, look at the slot's lanes and generation in the firmware's setup, and "
        "at PCIe errors in the kernel's log."
    ),
    thresholds=PcieLaneDegradation,
    judge=judge,
    departs=(
        "Judged under load and over a minute of readings: links at rest go to an older generation, and some "
        "to fewer lanes, to save power, so that an instant says nothing. A node at rest neither opens nor "
        "ends it. An older generation counts too. Half the lanes are critical as before, but routers are not "
        "told to steer away: such a node loads models slowly and serves nearly as fast, for as long as it "
        "lives."
    ),
)
