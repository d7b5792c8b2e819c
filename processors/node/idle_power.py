"""What an accelerator draws when nothing runs, learned per accelerator.

No constant will do: an idle H100 draws over 70 W, an idle RTX 4090 about 20 W.
"""

from processors.node.state import IdlePower
from schemas.events.node_sample import GpuSample
from schemas.events.reading import NAN

# Utilization at which an accelerator counts as doing nothing: NVML reports whole percents.
IDLE_RATIO = 0.01
# The estimate is the mean of the first readings, then an exponential mean over about as many.
MEMORY = 60
# With fewer readings than this there is no estimate.
ENOUGH = 10
# Above idle, where utilization is not told: so many times the idle power, and so many watts more.
ABOVE_FACTOR = 1.3
ABOVE_W = 15.0


def learned_w(idle: IdlePower | None) -> float:
    """Return the learned idle power, watts; NaN until there are enough readings."""
    return idle.mean_w if idle is not None and idle.readings >= ENOUGH else NAN


def learn(idle: IdlePower | None, gpu: GpuSample) -> IdlePower | None:
    """Return the estimate after one sample in which no request ran; only an accelerator at rest teaches."""
    if gpu.utilization_ratio > IDLE_RATIO or not gpu.power_w > 0 or gpu.status != "ok":
        return idle
    if idle is None:
        return IdlePower(gpu.gpu_id, gpu.power_w, 1)
    readings = min(idle.readings + 1, MEMORY)
    return IdlePower(gpu.gpu_id, idle.mean_w + (gpu.power_w - idle.mean_w) / readings, readings)


def above_idle(gpu: GpuSample, idle_w: float, ratio: float) -> bool:
    """Return whether the accelerator works: by utilization above ``ratio``, else by power above its idle."""
    if gpu.status != "ok":
        return False
    if gpu.utilization_ratio == gpu.utilization_ratio:
        return gpu.utilization_ratio > ratio
    return gpu.power_w > idle_w * ABOVE_FACTOR + ABOVE_W
