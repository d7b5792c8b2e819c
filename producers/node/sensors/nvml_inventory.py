"""What does not change of an NVIDIA device while NVML is open."""

import pynvml

from producers.node.sensors import nvml_memory
from producers.node.sensors.nvml_device import Device, gpu_id
from schemas.events.node_registered import GpuInventory
from schemas.events.reading import NAN

_MILLI = 1e-3
_COMPUTE_MODES = {
    pynvml.NVML_COMPUTEMODE_DEFAULT: "default",
    pynvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS: "exclusive_process",
    pynvml.NVML_COMPUTEMODE_PROHIBITED: "prohibited",
}


def inventory(device: Device, driver_version: str) -> GpuInventory:
    """Return what does not change while NVML is open."""
    ask = device.number
    uuid = device.text("uuid", pynvml.nvmlDeviceGetUUID)
    pci = device.ask("pci", pynvml.nvmlDeviceGetPciInfo)
    limits = device.ask("power limits", pynvml.nvmlDeviceGetPowerManagementLimitConstraints)
    unified = nvml_memory.unified(device)
    threshold = pynvml.nvmlDeviceGetTemperatureThreshold
    ecc = device.ask("ecc mode", pynvml.nvmlDeviceGetEccMode)
    mode = device.ask("compute mode", pynvml.nvmlDeviceGetComputeMode)
    return GpuInventory(
        gpu_id=gpu_id(uuid),
        uuid=uuid,
        nvml_index=device.index,
        vendor="nvidia",
        name=device.text("name", pynvml.nvmlDeviceGetName),
        bus_id=_text(pci.busId) if pci is not None else "",
        mig_parent="",
        driver_version=driver_version,
        vbios_version=device.text("vbios", pynvml.nvmlDeviceGetVbiosVersion),
        compute_mode=_COMPUTE_MODES.get(mode, "") if mode is not None else "",
        unified_memory=unified,
        memory_total_bytes=nvml_memory.total(device, unified_memory=unified),
        power_limit_default_w=ask(
            "default limit", pynvml.nvmlDeviceGetPowerManagementDefaultLimit, unit=_MILLI
        ),
        power_limit_min_w=limits[0] * _MILLI if limits else NAN,
        power_limit_max_w=limits[1] * _MILLI if limits else NAN,
        temperature_slowdown_c=ask("slowdown", threshold, pynvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN),
        temperature_shutdown_c=ask("shutdown", threshold, pynvml.NVML_TEMPERATURE_THRESHOLD_SHUTDOWN),
        memory_temperature_max_c=ask("memory max", threshold, pynvml.NVML_TEMPERATURE_THRESHOLD_MEM_MAX),
        sm_clock_max_mhz=ask("sm max", pynvml.nvmlDeviceGetMaxClockInfo, pynvml.NVML_CLOCK_SM),
        memory_clock_max_mhz=ask("memory clock max", pynvml.nvmlDeviceGetMaxClockInfo, pynvml.NVML_CLOCK_MEM),
        pcie_generation_max=ask("pcie gen max", pynvml.nvmlDeviceGetMaxPcieLinkGeneration),
        pcie_width_max=ask("pcie width max", pynvml.nvmlDeviceGetMaxPcieLinkWidth),
        ecc_enabled=float(ecc[0]) if ecc else NAN,
    )


def _text(raw: bytes | str) -> str:
    return raw.decode("ascii", "replace") if isinstance(raw, bytes) else raw
