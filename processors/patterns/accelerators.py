"""What patterns of accelerators share: which are judged, and one answer for all of them.

A reading that some boards never have (the temperature of GDDR6, say) is no lack of theirs: an accelerator is
judged by a reading when it, or one of the same product in the node, has it. One that fell off the bus is not
judged: that is said by ``gpu_lost``.
"""

from collections.abc import Sequence
from typing import NamedTuple

from processors.windows.series import GpuSeries
from processors.windows.window import Window


class Found(NamedTuple):
    """One accelerator, judged. ``value`` is what it is judged by: the larger, the worse."""

    gpu: GpuSeries
    holds: bool | None
    value: float


def sensed(window: Window, reading: str) -> list[GpuSeries]:
    """Return the whole accelerators that are there and should have a reading."""
    gpus = [gpu for gpu in window.gpu_series if not gpu.lost]
    told = {gpu.name for gpu in gpus if gpu.known(reading)}
    return [gpu for gpu in gpus if gpu.name in told]


def combined(found: Sequence[Found]) -> bool | None:
    """Return whether it holds for any; unknown where it holds for none and one cannot be told."""
    answers = [one.holds for one in found]
    if True in answers:
        return True
    return None if None in answers or not answers else False


def worst(found: Sequence[Found]) -> Found:
    """Return the accelerator that is worst off; the first of equals."""
    return max(found, key=lambda one: (one.holds is True, one.value == one.value, one.value))


def concerned(found: Sequence[Found]) -> tuple[str, ...]:
    """Return the ids of those for which it holds, sorted."""
    return tuple(sorted(one.gpu.gpu_id for one in found if one.holds))
