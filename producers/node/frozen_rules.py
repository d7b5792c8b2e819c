"""Readings that cannot repeat to the last digit for long, and why: one rule for each.

Not judged, because it may rest for hours: utilisation at 0 or 1, memory of a runtime that reserves it at
start, clocks at their limit, fan speed, load average, free disk, rates that are 0, counters of requests.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemas.events.node_sample import GpuSample, HostSample

# Below this a device may be in a sleep in which its counters and sensors rest.
_AWAKE_W = 5.0
_BUSY_RATIO = 0.5


def _always(_record: Any) -> bool:  # noqa: ANN401 - a record of the sample
    return True


@dataclass(frozen=True, slots=True)
class Rule:
    """``reading`` may not repeat for ``for_s`` seconds of fresh readings while ``applies`` holds.

    Where ``driver`` is given, what it returns (a mean over a minute of it) must also have moved by
    ``driver_range`` meanwhile: the reading follows it by nature.
    """

    reading: str
    for_s: float
    why: str
    applies: Callable[[Any], bool] = _always
    driver: Callable[[Any], float] | None = None
    driver_range: float = 0.0


def _loaded_and_exact(gpu: GpuSample) -> bool:
    # A whole number of watts may be all the resolution that a board has.
    return gpu.utilization_ratio >= _BUSY_RATIO and not gpu.power_w.is_integer()


def _partly_used(record: GpuSample) -> bool:
    return 0.05 <= record.utilization_ratio <= 0.95


def _partly_used_cpu(host: HostSample) -> bool:
    return 0.05 <= host.cpu_ratio <= 0.95


def _awake(gpu: GpuSample) -> bool:
    return gpu.power_w >= _AWAKE_W


def _power_share(gpu: GpuSample) -> float:
    return gpu.power_w / gpu.power_limit_w if gpu.power_limit_w > 0 else math.nan


def _cpu_share(host: HostSample) -> float:
    return host.cpu_ratio


GPU_RULES = (
    Rule("energy_j", 60.0, "a device that draws power adds to its energy counter", _awake),
    Rule("power_w", 60.0, "power under load trembles far above a milliwatt", _loaded_and_exact),
    Rule(
        "utilization_ratio", 300.0, "a share between the ends moves by a percent now and then", _partly_used
    ),
    Rule(
        "temperature_c",
        300.0,
        "a third of a board's power more or less is several degrees, water-cooled too",
        driver=_power_share,
        driver_range=0.3,
    ),
    Rule(
        "memory_temperature_c",
        300.0,
        "as the temperature of the GPU",
        driver=_power_share,
        driver_range=0.3,
    ),
)

HOST_RULES = (
    Rule(
        "cpu_power_w", 15.0, "a difference of microjoules over a time never comes twice; 0 is no power either"
    ),
    Rule("soc_power_w", 60.0, "as the power of a CPU, in milliwatts", lambda host: host.soc_power_w >= 1.0),
    Rule("cpu_ratio", 120.0, "a share between the ends moves by a tenth of a percent", _partly_used_cpu),
    Rule(
        "cpu_temperature_c",
        300.0,
        "half of the CPUs more or less at work is several degrees",
        driver=_cpu_share,
        driver_range=0.5,
    ),
)
