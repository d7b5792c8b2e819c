"""Memory of an NVIDIA device, and the processes that hold it.

GB10 and its kind have none of their own: their memory is the machine's, and what their processes hold of it
is what they use.
"""

import math
from collections.abc import Sequence
from typing import Any

import psutil
import pynvml

from producers.node.sensors.nvml_device import Device
from schemas.events.node_registered import GpuInventory
from schemas.events.node_sample import GpuProcess
from schemas.events.reading import NAN


def unified(device: Device) -> bool:
    """Return whether the device says that it has no memory of its own; no answer says nothing."""
    memory = _memory(device)
    return device.lacks("memory") if memory is None else memory.total == 0


def total(device: Device, *, unified_memory: bool) -> float:
    """Return bytes: the device's, or the machine's where it shares them."""
    if unified_memory:
        return float(psutil.virtual_memory().total)
    memory = _memory(device)
    return NAN if memory is None else float(memory.total)


def used_and_total(device: Device, facts: GpuInventory) -> tuple[float, float]:
    """Return bytes. Of shared memory the sum over processes, unknown where one of them is."""
    if facts.unified_memory:
        held = processes(device)
        used = NAN if held is None else math.fsum(each.memory_used_bytes for each in held)
        return used, facts.memory_total_bytes
    memory = _memory(device)
    return (NAN, NAN) if memory is None else (float(memory.used), float(memory.total))


def processes(device: Device) -> tuple[GpuProcess, ...] | None:
    """Return the processes that compute on the device; none where the driver does not list them."""
    found: Sequence[Any] | None = device.ask("processes", pynvml.nvmlDeviceGetComputeRunningProcesses)
    if found is None:  # a driver before 510
        found = device.ask("processes v2", pynvml.nvmlDeviceGetComputeRunningProcesses_v2)
    if found is None:
        return None
    return tuple(
        GpuProcess(each.pid, NAN if each.usedGpuMemory is None else float(each.usedGpuMemory), "")
        for each in found
    )


def _memory(device: Device) -> Any:  # noqa: ANN401 - a structure of ctypes
    first = device.ask("memory", pynvml.nvmlDeviceGetMemoryInfo)
    if first is not None and first.total > 0:
        return first
    second = device.ask("memory v2", pynvml.nvmlDeviceGetMemoryInfo, pynvml.nvmlMemory_v2)
    return second if second is not None else first
