"""Clocks of accelerators at work, and what they should be; shared by the patterns that judge them.

At rest clocks are low, and that is right: only panes count in which an accelerator was at work. It should
reach its rating, or what others of its kind in the node reach beside it, whichever is more.
"""

import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from processors.windows.series import GpuSeries
from schemas.events.reading import NAN, known

# Names of boards whose boost settles well below the maximum that NVML tells; others reach theirs.
_BOOSTED = ("GeForce", "RTX", "TITAN", "Quadro")


class AtWork(NamedTuple):
    """An accelerator in the panes in which it worked: ``panes`` of them have a clock.

    ``silent`` is how many more there may be: panes that tell no clock, or not whether it worked. ``mhz`` and
    ``expected_mhz`` are NaN where they cannot be told, and so is ``lost``, the share of the clock that is
    missing. ``capped`` and ``braked`` are shares of the samples of all panes at work.
    """

    gpu: GpuSeries
    panes: int
    silent: int
    mhz: float
    expected_mhz: float
    lost: float
    capped: float
    braked: float


def at_work(
    gpus: Sequence[GpuSeries],
    *,
    utilization_min: float,
    boost_share: float = 1.0,
    rated_share: float = 1.0,
    explained: float = math.inf,
) -> list[AtWork]:
    """Return every accelerator as it was under load, in the given order.

    ``boost_share`` and ``rated_share``: of the maximum clock, what boosted boards and others reach in good
    health. Panes are left out in which heat or a power limit held this share of the samples, ``explained``,
    or more.
    """
    found = [_at_work(gpu, utilization_min, boost_share, rated_share, explained) for gpu in gpus]
    reached: dict[str, list[float]] = {}
    for one in found:
        if known(one.mhz):
            reached.setdefault(one.gpu.name, []).append(one.mhz)
    return [_against(one, reached.get(one.gpu.name, [])) for one in found]


def _against(one: AtWork, reached: Sequence[float]) -> AtWork:
    """Hold it against its kind too; with two, the other is its kind."""
    if len(reached) > 1:
        usual = max(reached) if len(reached) == 2 else median(reached)
        if not one.expected_mhz >= usual:
            one = one._replace(expected_mhz=usual)
    lost = 1.0 - one.mhz / one.expected_mhz if one.expected_mhz > 0 else NAN
    return one._replace(lost=lost)


def _at_work(
    gpu: GpuSeries, utilization_min: float, boost_share: float, rated_share: float, explained: float
) -> AtWork:
    used, mhz = gpu.column("utilization_ratio"), gpu.column("sm_clock_mhz")
    working = [index for index, ratio in enumerate(used) if ratio >= utilization_min]
    heat, cap = gpu.column("throttled_thermal"), gpu.column("throttled_power")
    plain = [index for index in working if heat[index] < explained and cap[index] < explained]
    clocks = [mhz[index] for index in plain if mhz[index] == mhz[index]]
    boosted = any(word in gpu.name for word in _BOOSTED)
    expected = gpu.newest("sm_clock_max_mhz") * (boost_share if boosted else rated_share)
    return AtWork(
        gpu,
        len(clocks),
        len(plain) - len(clocks) + sum(1 for ratio in used if ratio != ratio),
        sum(clocks) / len(clocks) if clocks else NAN,
        expected,
        NAN,
        _share(cap, working),
        _share(gpu.column("throttled_hardware"), working),
    )


def _share(column: Sequence[float], working: Sequence[int]) -> float:
    return sum(column[index] for index in working) / len(working) if working else 0.0
