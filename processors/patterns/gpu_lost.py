"""An accelerator has fallen off the bus."""

from dataclasses import dataclass

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.series import GpuSeries
from processors.windows.window import Window
from schemas.events.observation import Evidence

# XID 79: the GPU has fallen off the bus.
FELL_OFF = 79


@dataclass(frozen=True, slots=True)
class GpuLost(Thresholds):
    """Thresholds of gpu_lost."""

    lost_share_min: float = threshold(0.5, 0.1, 1.0, doc="share of a pane's samples in which it was lost")


def judge(window: Window, limits: GpuLost) -> Judgement:
    """Lost in the last pane that has it."""
    gpus = window.gpu_series
    if not gpus:
        return UNKNOWN
    lost = [gpu for gpu in gpus if gpu.slots[-1].lost >= limits.lost_share_min]
    if not lost:
        return Judgement(False, (compared("gpus_lost", 0.0, ">=", 1.0),))
    ids = tuple(gpu.gpu_id for gpu in lost)
    told = [gpu_id for gpu_id in ids if _fell_off(window, gpu_id)]
    evidence = (
        compared("gpus_lost", float(len(lost)), ">=", 1.0),
        *(_share(gpu, limits) for gpu in lost),
        measured("xid_79", float(len(told))),
        measured("gpus", float(len(gpus))),
    )
    text = f"{', '.join(ids)} fell off the bus; {len(gpus) - len(lost)} of {len(gpus)} accelerators are left"
    return Judgement(True, evidence, "critical", 1.0 if told else 0.9, ids, text)


def _share(gpu: GpuSeries, limits: GpuLost) -> Evidence:
    share = gpu.slots[-1].lost
    return compared("lost_share", share, ">=", limits.lost_share_min, subject=gpu.gpu_id)


def _fell_off(window: Window, gpu_id: str) -> bool:
    return any(FELL_OFF in health.xids for _, health in window.health.get(gpu_id, []))


PATTERN = Pattern(
    id="gpu_lost",
    title="Accelerator fell off the bus",
    about="The driver does not find an accelerator that it had found before.",
    window_s=60,
    min_coverage=0.1,
    for_s=0,
    clear_s=20,
    hints={"critical": "steer_away"},
    action="replace_gpu",
    recommendation=(
        "Take the node out of service and restart it; if the accelerator is lost again, check its seat, its "
        "power cable and its temperature, and have it replaced."
    ),
    thresholds=GpuLost,
    judge=judge,
)
