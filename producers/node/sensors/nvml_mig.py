"""MIG: the instances that a GPU is divided into. Each is a device of its own, with few readings of its own.

Power, temperature, clocks and errors are the whole GPU's, and are told of it alone.
"""

import math

import pynvml

from producers.node.sensors import nvml_memory
from producers.node.sensors.nvml_device import Device, gpu_id
from producers.node.sensors.nvml_gpm import Utilization
from schemas.events.node_registered import GpuInventory
from schemas.events.node_sample import GpuHealth, GpuSample
from schemas.events.reading import NAN

# No GPU has more than seven; a driver that says so is not believed.
_MOST_INSTANCES = 64


class Instance:
    """A MIG instance: its device, its facts, and how busy it is. Valid while NVML stays open."""

    def __init__(self, parent: Device, whole: GpuInventory, device: Device) -> None:
        self.device = device
        self.facts = _inventory(device, whole)
        number = device.ask("gpu instance", pynvml.nvmlDeviceGetGpuInstanceId)
        self._utilization = None if number is None else Utilization(parent, number)

    def sample(self) -> GpuSample:
        """Return the readings of every second; status is error without its memory: all have some."""
        used, total = nvml_memory.used_and_total(self.device, self.facts)
        return GpuSample(
            gpu_id=self.facts.gpu_id,
            status="error" if math.isnan(used) else "ok",
            utilization_ratio=self._utilization.ratio() if self._utilization else NAN,
            memory_used_bytes=used,
            memory_total_bytes=total,
            age_s=0.0,
        )

    def health(self) -> GpuHealth:
        """Return its processes."""
        return GpuHealth(self.facts.gpu_id, age_s=0.0, processes=nvml_memory.processes(self.device) or ())

    def close(self) -> None:
        """Give its buffers back to NVML."""
        if self._utilization:
            self._utilization.close()


def devices(parent: Device) -> tuple[Device, ...]:
    """Return the instances that the GPU is divided into now."""
    mode = parent.ask("mig mode", pynvml.nvmlDeviceGetMigMode)
    if mode is None or mode[0] != pynvml.NVML_DEVICE_MIG_ENABLE:
        return ()
    count = parent.ask("mig count", pynvml.nvmlDeviceGetMaxMigDeviceCount) or 0
    handles = (
        parent.ask(f"mig {index}", pynvml.nvmlDeviceGetMigDeviceHandleByIndex, index)
        for index in range(min(count, _MOST_INSTANCES))
    )
    return tuple(Device(handle, parent.index) for handle in handles if handle is not None)


def uuid(device: Device) -> str:
    """Return the full UUID, or nothing."""
    return device.text("uuid", pynvml.nvmlDeviceGetUUID)


def _inventory(device: Device, whole: GpuInventory) -> GpuInventory:
    full = uuid(device)
    return GpuInventory(
        gpu_id=gpu_id(full),
        uuid=full,
        nvml_index=whole.nvml_index,
        vendor=whole.vendor,
        name=device.text("name", pynvml.nvmlDeviceGetName) or whole.name,
        bus_id=whole.bus_id,
        mig_parent=whole.gpu_id,
        driver_version=whole.driver_version,
        vbios_version=whole.vbios_version,
        compute_mode="",
        unified_memory=False,
        memory_total_bytes=nvml_memory.total(device, unified_memory=False),
    )
