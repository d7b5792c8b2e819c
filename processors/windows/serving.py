"""What a node was doing in each pane: which model, under how much load."""

from collections.abc import Iterator
from math import fsum
from typing import NamedTuple

from processors.windows.slot import GpuSlot, Slot
from processors.windows.window import PANE_US, Window
from schemas.events.reading import NAN

# A pane is of serving, and of nothing else, from this share of its samples on.
STEADY = 0.9
# One model's tokens are the node's when they are this share of all.
DOMINANT = 0.9
RESTING_S = 60
# An accelerator does nothing below this share of the way from idle power to its limit; where its idle power
# is not known, below that share of the limit; where no power is known, below that share of the time.
AT_REST = 0.15
_OF_LIMIT = 0.3
_OF_TIME = 0.05
# Without accelerators the processor does the work: below this it does not.
_CPU = 0.5


class Worked(NamedTuple):
    """One pane of steady serving. ``prompt_share`` is of all tokens, NaN where they are not counted."""

    ended_at: int
    model: str
    running: float
    wes: float
    prompt_share: float
    slot: Slot


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


def running(slot: Slot) -> float:
    """Return requests in progress, over all runtimes; NaN where none tells."""
    known = [one.requests_running for one in slot.runtimes if one.requests_running == one.requests_running]
    return fsum(known) if known else NAN


def model_of(slot: Slot) -> str:
    """Return the model that did nearly all of the work, or is alone; empty where there is none."""
    models = slot.models
    if len(models) == 1:
        return models[0].name
    tokens = [(model.generation_tokens, model.name) for model in models if model.generation_tokens > 0]
    total = fsum(count for count, _ in tokens)
    return next((name for count, name in tokens if count >= DOMINANT * total), "")


def worked(window: Window) -> Iterator[Worked]:
    """Give the panes in which the node served one model all the time, and how efficiently it did."""
    for slot in window.slots:
        if slot.live < STEADY or not slot.wes.n:
            continue
        load = running(slot)
        model = model_of(slot) if load > 0 else ""
        if not model:
            continue
        if slot.wes.mean > 0.0:
            yield Worked(slot.started_at + PANE_US, model, load, slot.wes.mean, _prompt_share(slot), slot)


def _prompt_share(slot: Slot) -> float:
    """Return the share of tokens that were read rather than written; NaN where they are not counted."""
    read = fsum(one.prompt_tokens for one in slot.runtimes if one.prompt_tokens > 0)
    wrote = fsum(one.generation_tokens for one in slot.runtimes if one.generation_tokens > 0)
    return read / (read + wrote) if read + wrote > 0 else NAN
