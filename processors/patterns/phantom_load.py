"""A loaded node serves nobody, and its accelerators work."""

from dataclasses import dataclass

from processors.patterns.accelerators import Found, combined, concerned, sensed, worst
from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.series import GpuSeries
from processors.windows.window import PANE_US, Window
from schemas.events.reading import NAN, known

# A pane is of rest from this share of its samples on: with less, its power is also that of requests.
AT_REST = 0.9


@dataclass(frozen=True, slots=True)
class PhantomLoad(Thresholds):
    """Thresholds of phantom_load."""

    share_min: float = threshold(0.7, 0.1, 1.0, doc="share of the window with work and without requests")
    utilization_min: float = threshold(
        0.2, 0.02, 1.0, doc="utilization from which an accelerator works, where its idle power is not known"
    )
    idle_factor: float = threshold(1.3, 1.0, 10.0, doc="times its learned idle power, and")
    idle_plus_w: float = threshold(15.0, 0.0, 500.0, "W", doc="watts more, from which it works")


def judge(window: Window, limits: PhantomLoad) -> Judgement:
    """A model in memory, no request in progress, and an accelerator draws well above its idle power."""
    states = sum((sum(window.column(name), 0.0) for name in ("idle", "busy", "live")), 0.0)
    if not states > 0:
        return UNKNOWN
    free = [slot.idle + slot.busy >= AT_REST and bool(slot.models) for slot in window.slots]
    if sum(free) < limits.share_min * len(free):
        return Judgement(False, (compared("idle_share", sum(free) / len(free), ">=", limits.share_min),))
    gpus = sensed(window, "power_w") or sensed(window, "utilization_ratio")
    if not gpus:
        return UNKNOWN
    idle_at = {slot.started_at: one for slot, one in zip(window.slots, free, strict=True)}
    found = [_found(gpu, idle_at, limits) for gpu in gpus]
    holds, most = combined(found), worst(found)
    gpu = most.gpu
    above_w = gpu.mean("power_w") - gpu.newest("idle_power_w")
    evidence = (
        compared("phantom_share", most.value, ">=", limits.share_min, subject=gpu.gpu_id),
        measured("power_above_idle_w", above_w, "W", subject=gpu.gpu_id),
        measured("utilization_ratio", gpu.mean("utilization_ratio"), subject=gpu.gpu_id),
        measured("power_w", window.power_w.mean, "W"),
        measured("energy_a_day_kwh", window.power_w.mean * 24 / 1000, "kWh"),
    )
    if not holds:
        return Judgement(holds, evidence)
    drawn = f", {above_w:.0f} W above its idle power" if known(above_w) else ""
    text = f"{gpu.gpu_id} works for no request{drawn}, {most.value:.0%} of {window.seconds // 60} minutes"
    return Judgement(True, evidence, "warning", most.value, concerned(found), text)


def _found(gpu: GpuSeries, idle_at: dict[int, bool], limits: PhantomLoad) -> Found:
    told = phantom = 0
    for end, slot in zip(gpu.ends, gpu.slots, strict=True):
        line_w = slot.idle_power_w * limits.idle_factor + limits.idle_plus_w
        if known(line_w) and known(slot.power_w):
            works = slot.power_w > line_w
        elif known(slot.utilization_ratio):
            works = slot.utilization_ratio >= limits.utilization_min
        else:
            continue
        told += 1
        phantom += works and idle_at.get(end - PANE_US, False)
    if told < limits.share_min * gpu.places:
        return Found(gpu, None, NAN)
    share = phantom / told
    return Found(gpu, share >= limits.share_min, share)


PATTERN = Pattern(
    id="phantom_load",
    title="Work that no request asked for",
    about="A model is in memory, nothing is served, and an accelerator draws power well above its idle.",
    window_s=300,
    min_coverage=0.7,
    for_s=0,
    clear_s=60,
    hints={"warning": "monitor"},
    action="investigate_phantom",
    recommendation=(
        "See which process uses the accelerator (nvidia-smi, or the processes of the node); stop it, or take "
        "the node out of the fleet while it runs."
    ),
    thresholds=PhantomLoad,
    judge=judge,
    departs=(
        "Idle is judged from requests and counters, since a speed kept from a probe made the pattern dead, "
        "and power is held against what this accelerator draws at rest instead of 5 W, which every idle card "
        "draws. A loaded model that merely waits is idle_power_waste."
    ),
)
