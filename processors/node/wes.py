"""WES, the work efficiency score: tokens a second per watt, thermally corrected; that is tokens a joule.

    WES = tokens_per_second / (watts x PUE x thermal penalty)

PUE is applied here and nowhere else. Nothing is rounded. There is no WES without tokens or without watts.
"""

from collections.abc import Sequence
from math import fsum

from processors.node.state import Point
from schemas.events.node_sample import NodeSample
from schemas.events.reading import NAN

# Readings that are averaged, and how old one may be.
SMOOTHED = 4
SMOOTHED_US = 10_000_000


def wes(tokens_per_second: float, power_w: float, pue: float, penalty: float) -> float:
    """Return tokens a joule; NaN without tokens or watts."""
    if not tokens_per_second > 0 or not power_w > 0:
        return NAN
    return tokens_per_second / (power_w * pue * penalty)


def power_w(sample: NodeSample) -> float:
    """Return the node's watts, each counted once: the whole chip's, else the accelerators', else the CPU's.

    An accelerator that is part of a system on a chip is in the chip's watts already. The CPU's stand for the
    node only where there is no accelerator: a sensor that is gone would make the node look frugal.
    """
    if sample.host.soc_power_w > 0:
        return sample.host.soc_power_w
    if not sample.gpus:
        return sample.host.cpu_power_w
    watts = [gpu.power_w for gpu in sample.gpus if gpu.power_w == gpu.power_w]
    return fsum(watts) if watts else NAN


def smooth(points: tuple[Point, ...], point: Point) -> tuple[Point, ...]:
    """Add a point; keep the last ``SMOOTHED``, none older than ``SMOOTHED_US`` before it."""
    oldest = point.occurred_at - SMOOTHED_US
    if not points or points[0].occurred_at >= oldest:
        return (*points, point)[-SMOOTHED:]
    return (*(earlier for earlier in points if earlier.occurred_at >= oldest), point)[-SMOOTHED:]


def mean(values: Sequence[float]) -> float:
    """Return the mean of the known values; NaN without any."""
    whole, readings = 0.0, 0
    for value in values:
        if value == value:
            whole += value
            readings += 1
    return whole / readings if readings else NAN
