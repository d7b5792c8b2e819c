"""Memory of an accelerator at its own thermal limit."""

from dataclasses import dataclass

from processors.patterns.accelerators import Found, combined, concerned, sensed, worst
from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.series import GpuSeries
from processors.windows.window import Window
from schemas.events.observation import Severity
from schemas.events.reading import NAN, known


@dataclass(frozen=True, slots=True)
class HotMemory(Thresholds):
    """Thresholds of hot_memory."""

    margin_c: float = threshold(5.0, 0.0, 30.0, "°C", doc="below its maximum, from where the memory is hot")
    usual_max_c: float = threshold(
        105.0, 60.0, 130.0, "°C", doc="maximum where the board tells none: GDDR6X slows down at 110"
    )
    share_min: float = threshold(0.7, 0.1, 1.0, doc="share of the window in which it is hot")
    known_share_min: float = threshold(0.5, 0.1, 1.0, doc="share of the window that must tell")


def judge(window: Window, limits: HotMemory) -> Judgement:
    """Within some degrees of its maximum for most of three minutes; critical from the maximum on."""
    gpus = sensed(window, "memory_temperature_c")
    if not gpus:
        return UNKNOWN
    most_c = {gpu.gpu_id: _most_c(window, gpu, limits) for gpu in gpus}
    found = [_found(gpu, most_c[gpu.gpu_id], limits) for gpu in gpus]
    holds, most = combined(found), worst(found)
    gpu = most.gpu
    limit_c, at_c = most_c[gpu.gpu_id], gpu.mean("memory_temperature_c")
    evidence = (
        compared("memory_temperature_c", at_c, ">=", limit_c - limits.margin_c, "°C", subject=gpu.gpu_id),
        compared("hot_share", most.value, ">=", limits.share_min, subject=gpu.gpu_id),
        measured("memory_temperature_max_c", limit_c, "°C", subject=gpu.gpu_id),
        measured("temperature_c", gpu.mean("temperature_c"), "°C", subject=gpu.gpu_id),
    )
    if not holds:
        return Judgement(holds, evidence)
    over = any(_over_share(one.gpu, most_c[one.gpu.gpu_id]) >= limits.share_min for one in found if one.holds)
    severity: Severity = "critical" if over else "warning"
    text = f"the memory of {gpu.gpu_id} is at {at_c:.0f} °C; its maximum is {limit_c:.0f} °C"
    confidence = min(1.0, gpu.known_share("memory_temperature_c"))
    return Judgement(True, evidence, severity, confidence, concerned(found), text)


def _found(gpu: GpuSeries, most_c: float, limits: HotMemory) -> Found:
    if gpu.known_share("memory_temperature_c") < limits.known_share_min:
        return Found(gpu, None, NAN)
    share = _over_share(gpu, most_c - limits.margin_c)
    return Found(gpu, share >= limits.share_min, share)


def _over_share(gpu: GpuSeries, degrees_c: float) -> float:
    told = gpu.known("memory_temperature_c")
    return sum(1 for each in told if each >= degrees_c) / len(told) if told else NAN


def _most_c(window: Window, gpu: GpuSeries, limits: HotMemory) -> float:
    """Return the maximum that the board tells of its memory, else the usual one."""
    for _, health in reversed(window.health.get(gpu.gpu_id, [])):
        if known(health.memory_temperature_max_c) and health.memory_temperature_max_c > 0:
            return health.memory_temperature_max_c
    return limits.usual_max_c


PATTERN = Pattern(
    id="hot_memory",
    title="Memory of an accelerator is hot",
    about="The memory (HBM or GDDR junction) is within 5 °C of its maximum for most of three minutes.",
    window_s=180,
    min_coverage=0.6,
    for_s=0,
    clear_s=60,
    hints={"warning": "reduce_batch", "critical": "steer_away"},
    action="check_thermal_zone",
    recommendation=(
        "Send less work, or work with shorter contexts; check fans and airflow, and the thermal pads of the "
        "memory where the GPU itself is cool."
    ),
    thresholds=HotMemory,
    judge=judge,
)
