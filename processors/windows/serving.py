"""When a node was serving, and when it or its hardware had nothing to do."""

from processors.windows.slot import GpuSlot, Slot
from processors.windows.window import Window

# A pane is of serving, and of nothing else, from this share of its samples on.
STEADY = 0.9
RESTING_S = 60
# An accelerator does nothing below this share of the way from idle power to its limit; where its idle power
# is not known, below that share of the limit; where no power is known, below that share of the time.
AT_REST = 0.15
_OF_LIMIT = 0.3
_OF_TIME = 0.05
# Without accelerators the processor does the work: below this it does not.
_CPU = 0.5


def resting(window: Window) -> bool:
    """Return whether the node has had nothing to do for a minute: what it served before is over."""
    newest = window.last(RESTING_S).slots if window.seconds > RESTING_S else window.slots
    return bool(newest) and all(slot.idle >= 1.0 for slot in newest)


def at_rest(slot: Slot, share: float = AT_REST) -> bool:
    """Return whether the hardware did nothing, whatever the utilization says: an engine that hangs spins."""
    gpus = [gpu for gpu in slot.gpus if gpu.whole and gpu.lost < 0.5]
    return all(_gpu_rests(gpu, share) for gpu in gpus) if gpus else slot.cpu_ratio < _CPU


def _gpu_rests(gpu: GpuSlot, share: float) -> bool:
    if not gpu.power_w > 0.0 or not gpu.power_limit_w > 0.0:
        return not gpu.utilization_ratio >= _OF_TIME
    way = gpu.power_limit_w - gpu.idle_power_w
    if way > 0.0:
        return gpu.power_w - gpu.idle_power_w < share * way
    return gpu.power_w < _OF_LIMIT * gpu.power_limit_w


def worked(window: Window) -> list[Slot]:
    """Return the panes in which the node served one model all the time, and told how efficiently."""
    return [
        slot
        for slot in window.slots
        if slot.live >= STEADY and slot.wes.mean > 0.0 and slot.work.running > 0.0 and slot.work.model
    ]
