"""Readings that cannot be true: they are taken out of the sample and kept apart, as they were read.

A negative count, a share far above one, a GPU that uses more memory than it has: sensors and drivers report
such things, and one of them in a mean or a maximum spoils a week.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from schemas.events.node_sample import (
    GpuHealth,
    GpuSample,
    HostSample,
    LoadedModel,
    RuntimeSample,
    SensorTemperature,
    Suspect,
)
from schemas.events.reading import NAN

Record = TypeVar("Record", HostSample, GpuSample, RuntimeSample, LoadedModel, GpuHealth, SensorTemperature)

# A share may exceed one by how the two counters behind it were read; twice is not that.
_MOST_RATIO = 1.1
_TEMPERATURE_C = (-60.0, 200.0)
# Times the limit: a GPU's power overshoots its limit for milliseconds, by half.
_MOST_POWER = 2.0
_MOST_MEMORY = 1.05
# Clocks are boosted past what a board tells as its maximum, by little.
_MOST_CLOCK = 1.25
# Watts of everything in one machine: a counter that wrapped unseen shows as thousands of kilowatts.
_MOST_MACHINE_W = 20_000.0
# PCIe: no slot has more lanes, no generation is this high.
_MOST_PCIE = 64.0


class Range(NamedTuple):
    """What a reading may be; both ends are allowed."""

    least: float = 0.0
    most: float = math.inf


_ANY = Range(-math.inf, math.inf)


def _range(name: str) -> Range:
    if name.endswith("_ratio"):
        return Range(most=_MOST_RATIO)
    if name.endswith("_c"):
        return Range(*_TEMPERATURE_C)
    if name.endswith("_w"):
        return Range(most=_MOST_MACHINE_W)
    # An age is our own figure; a clock may be behind; not supported is -1.
    return _ANY if name in ("age_s", "clock_offset_s", "throttle_reasons", "expires_in_s") else Range()


def _ranges(view: Any) -> tuple[tuple[int, str, Range], ...]:  # noqa: ANN401 - any NamedTuple
    hints = view.__annotations__
    return tuple(
        (index, name, _range(name)) for index, name in enumerate(view._fields) if hints[name] is float
    )


_HOST = _ranges(HostSample)
_GPU = _ranges(GpuSample)
_RUNTIME = _ranges(RuntimeSample)
_MODEL = _ranges(LoadedModel)
_HEALTH = _ranges(GpuHealth)
_SENSOR = _ranges(SensorTemperature)


def host(record: HostSample) -> tuple[HostSample, tuple[Suspect, ...]]:
    """Return the readings without those that cannot be true, and those."""
    total = _times(record.memory_total_bytes, _MOST_MEMORY)
    rated = {"memory_used_bytes": total, "memory_available_bytes": total}
    return _screened("host", record, _HOST, rated)


def gpu(record: GpuSample) -> tuple[GpuSample, tuple[Suspect, ...]]:
    """Likewise; power and memory are also held against the device's own figures."""
    rated = {
        "power_w": _times(record.power_limit_w, _MOST_POWER),
        "memory_used_bytes": _times(record.memory_total_bytes, _MOST_MEMORY),
        "sm_clock_mhz": _times(record.sm_clock_max_mhz, _MOST_CLOCK),
    }
    return _screened(f"gpu.{record.gpu_id}", record, _GPU, rated)


def runtime(record: RuntimeSample) -> tuple[RuntimeSample, tuple[Suspect, ...]]:
    """Likewise, its models too."""
    prefix = f"runtime.{record.runtime_id}"
    record, suspects = _screened(prefix, record, _RUNTIME, {})
    models = [_screened(f"{prefix}.{model.name}", model, _MODEL, {}) for model in record.models]
    found = tuple(suspect for _, each in models for suspect in each)
    return (
        record._replace(models=tuple(model for model, _ in models)) if found else record,
        (*suspects, *found),
    )


def health(record: GpuHealth) -> tuple[GpuHealth, tuple[Suspect, ...]]:
    """Likewise."""
    rated = {"pcie_generation": Range(most=_MOST_PCIE), "pcie_width": Range(most=_MOST_PCIE)}
    return _screened(f"gpu.{record.gpu_id}", record, _HEALTH, rated)


def temperature(record: SensorTemperature) -> tuple[SensorTemperature, tuple[Suspect, ...]]:
    """Likewise."""
    return _screened(f"temperature.{record.name}", record, _SENSOR, {})


def _times(rating: float, factor: float) -> Range:
    """Return the range up to so many times a rating; a rating that is unknown, or 0, judges nothing."""
    return Range(most=rating * factor) if rating > 0 else Range()


def _screened(
    prefix: str, record: Record, ranges: tuple[tuple[int, str, Range], ...], rated: Mapping[str, Range]
) -> tuple[Record, tuple[Suspect, ...]]:
    values: tuple[Any, ...] = record
    found = {
        name: values[index]
        for index, name, usual in ranges
        if _impossible(values[index], rated.get(name, usual), usual)
    }
    if not found:
        return record, ()
    none: dict[str, Any] = dict.fromkeys(found, NAN)
    suspects = (Suspect(f"{prefix}.{name}", value, _why(value)) for name, value in found.items())
    return record._replace(**none), tuple(suspects)


def _why(value: float) -> str:
    return "negative" if value < 0 else "over_rating"


def _impossible(value: float, rated: Range, usual: Range) -> bool:
    # NaN compares as false: no reading is no suspect.
    above = value > min(rated.most, usual.most)
    return value < usual.least or above or math.isinf(value)
