"""What is read of one NVIDIA device: once a second, every ten seconds, and once.

Sources are NVML's functions, named in each line. NVML reports milliwatts, millijoules, percent and KB/s.
"""

import math
from collections.abc import Sequence
from typing import Any

import psutil
import pynvml

from producers.node.sensors.nvml_device import Device, gpu_id
from schemas.events.node_registered import GpuInventory
from schemas.events.node_sample import GpuHealth, GpuProcess, GpuSample
from schemas.events.reading import NAN

_MILLI = 1e-3
_PERCENT = 0.01
_KILOBYTE = 1000.0
_UNKNOWN_PSTATE = 32
_LINKS = range(pynvml.NVML_NVLINK_MAX_LINKS)
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
    memory = _memory(device)
    unified = not (memory and memory.total > 0)
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
        memory_total_bytes=float(psutil.virtual_memory().total if unified else memory.total),
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


def sample(device: Device, facts: GpuInventory) -> GpuSample:
    """Return the readings of every second; status is error when the device answers none of the main ones."""
    ask = device.number
    failures = device.failures
    use = device.ask("utilization", pynvml.nvmlDeviceGetUtilizationRates)
    temperature_c, power_w = _temperature(device), ask("power", pynvml.nvmlDeviceGetPowerUsage, unit=_MILLI)
    used, total = _memory_used(device, facts)
    silent = use is None and all(map(math.isnan, (temperature_c, power_w, used)))
    return GpuSample(
        gpu_id=facts.gpu_id,
        status="error" if silent and device.failures > failures else "ok",
        utilization_ratio=use.gpu * _PERCENT if use is not None else NAN,
        memory_utilization_ratio=use.memory * _PERCENT if use is not None else NAN,
        memory_used_bytes=used,
        memory_total_bytes=total,
        temperature_c=temperature_c,
        memory_temperature_c=_memory_temperature(device),
        temperature_slowdown_c=facts.temperature_slowdown_c,
        power_w=power_w,
        power_limit_w=ask("limit", pynvml.nvmlDeviceGetEnforcedPowerLimit, unit=_MILLI),
        energy_j=ask("energy", pynvml.nvmlDeviceGetTotalEnergyConsumption, unit=_MILLI),
        sm_clock_mhz=ask("sm", pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_SM),
        sm_clock_max_mhz=facts.sm_clock_max_mhz,
        fan_ratio=ask("fan", pynvml.nvmlDeviceGetFanSpeed, unit=_PERCENT),
        performance_state=_performance_state(device),
        age_s=0.0,
        throttle_reasons=_throttle_reasons(device),
    )


def health(device: Device, facts: GpuInventory) -> GpuHealth:
    """Return the slow readings; PCIe throughput alone takes NVML 20 ms in each direction."""
    ask, clock, ecc = device.number, pynvml.nvmlDeviceGetClockInfo, pynvml.nvmlDeviceGetTotalEccErrors
    volatile, aggregate = pynvml.NVML_VOLATILE_ECC, pynvml.NVML_AGGREGATE_ECC
    corrected, uncorrected = (
        pynvml.NVML_MEMORY_ERROR_TYPE_CORRECTED,
        pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
    )
    throughput = pynvml.nvmlDeviceGetPcieThroughput
    rows = device.ask("remapped", pynvml.nvmlDeviceGetRemappedRows)
    links_active, link_errors = _nvlink(device)
    return GpuHealth(
        gpu_id=facts.gpu_id,
        graphics_clock_mhz=ask("graphics", clock, pynvml.NVML_CLOCK_GRAPHICS),
        memory_clock_mhz=ask("memory clock", clock, pynvml.NVML_CLOCK_MEM),
        pcie_generation=ask("pcie gen", pynvml.nvmlDeviceGetCurrPcieLinkGeneration),
        pcie_generation_max=facts.pcie_generation_max,
        pcie_width=ask("pcie width", pynvml.nvmlDeviceGetCurrPcieLinkWidth),
        pcie_width_max=facts.pcie_width_max,
        pcie_receive_bytes_per_s=ask("rx", throughput, pynvml.NVML_PCIE_UTIL_RX_BYTES, unit=_KILOBYTE),
        pcie_transmit_bytes_per_s=ask("tx", throughput, pynvml.NVML_PCIE_UTIL_TX_BYTES, unit=_KILOBYTE),
        pcie_replays_total=ask("replays", pynvml.nvmlDeviceGetPcieReplayCounter),
        ecc_corrected_volatile_total=ask("ecc cv", ecc, corrected, volatile),
        ecc_uncorrected_volatile_total=ask("ecc uv", ecc, uncorrected, volatile),
        ecc_corrected_aggregate_total=ask("ecc ca", ecc, corrected, aggregate),
        ecc_uncorrected_aggregate_total=ask("ecc ua", ecc, uncorrected, aggregate),
        remapped_rows_correctable_total=float(rows[0]) if rows else NAN,
        remapped_rows_uncorrectable_total=float(rows[1]) if rows else NAN,
        remapped_rows_pending=float(rows[2]) if rows else NAN,
        retired_pages_total=_retired_pages(device),
        nvlink_links_active=links_active,
        nvlink_errors_total=link_errors,
        power_limit_default_w=facts.power_limit_default_w,
        power_limit_max_w=facts.power_limit_max_w,
        temperature_shutdown_c=facts.temperature_shutdown_c,
        memory_temperature_max_c=facts.memory_temperature_max_c,
        age_s=0.0,
        processes=_processes(device),
    )


def _memory(device: Device) -> Any:  # noqa: ANN401 - a structure of ctypes
    first = device.ask("memory", pynvml.nvmlDeviceGetMemoryInfo)
    if first is not None and first.total > 0:
        return first
    return device.ask("memory v2", pynvml.nvmlDeviceGetMemoryInfo, pynvml.nvmlMemory_v2)


def _memory_used(device: Device, facts: GpuInventory) -> tuple[float, float]:
    if facts.unified_memory:
        used = [process.memory_used_bytes for process in _processes(device)]
        return (math.fsum(used) if used else NAN), facts.memory_total_bytes
    memory = _memory(device)
    return (NAN, NAN) if memory is None else (float(memory.used), float(memory.total))


def _temperature(device: Device) -> float:
    celsius = device.number("temperature", pynvml.nvmlDeviceGetTemperature, pynvml.NVML_TEMPERATURE_GPU)
    if math.isnan(celsius):  # its successor, for the driver that drops it
        return device.number("temperature v", pynvml.nvmlDeviceGetTemperatureV, pynvml.NVML_TEMPERATURE_GPU)
    return celsius


def _memory_temperature(device: Device) -> float:
    fields = device.ask("fields", pynvml.nvmlDeviceGetFieldValues, [pynvml.NVML_FI_DEV_MEMORY_TEMP])
    if fields is None or fields[0].nvmlReturn != pynvml.NVML_SUCCESS:
        return NAN
    # An unsigned number by the documentation; zero is what boards without the sensor answer.
    return float(fields[0].value.uiVal) or NAN


def _performance_state(device: Device) -> float:
    state = device.number("pstate", pynvml.nvmlDeviceGetPerformanceState)
    return NAN if state == _UNKNOWN_PSTATE else state


def _throttle_reasons(device: Device) -> int:
    """Return the bits; an older driver knows them by their older name."""
    reasons = device.ask("reasons", pynvml.nvmlDeviceGetCurrentClocksEventReasons)
    if reasons is None:
        reasons = device.ask("old reasons", pynvml.nvmlDeviceGetCurrentClocksThrottleReasons)
    return -1 if reasons is None else int(reasons)


def _retired_pages(device: Device) -> float:
    causes = (
        pynvml.NVML_PAGE_RETIREMENT_CAUSE_MULTIPLE_SINGLE_BIT_ECC_ERRORS,
        pynvml.NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR,
    )
    found = [device.ask(f"retired {cause}", pynvml.nvmlDeviceGetRetiredPages, cause) for cause in causes]
    return math.fsum(NAN if pages is None else len(pages) for pages in found)


def _nvlink(device: Device) -> tuple[float, float]:
    """Return links that are up and the sum of their errors; NaN where the device has no NVLink."""
    states = [device.ask(f"link {link}", pynvml.nvmlDeviceGetNvLinkState, link) for link in _LINKS]
    if all(state is None for state in states):
        return NAN, NAN
    active = [link for link, state in enumerate(states) if state]
    counters = (
        pynvml.NVML_NVLINK_ERROR_DL_REPLAY,
        pynvml.NVML_NVLINK_ERROR_DL_RECOVERY,
        pynvml.NVML_NVLINK_ERROR_DL_CRC_FLIT,
        pynvml.NVML_NVLINK_ERROR_DL_CRC_DATA,
    )
    errors = [
        device.ask(f"link {link} {counter}", pynvml.nvmlDeviceGetNvLinkErrorCounter, link, counter)
        for link in active
        for counter in counters
    ]
    told = [count for count in errors if count is not None]
    return float(len(active)), math.fsum(told) if told else NAN


def _processes(device: Device) -> tuple[GpuProcess, ...]:
    found: Sequence[Any] = device.ask("processes", pynvml.nvmlDeviceGetComputeRunningProcesses) or ()
    return tuple(
        GpuProcess(each.pid, NAN if each.usedGpuMemory is None else float(each.usedGpuMemory), "")
        for each in found
    )


def _text(raw: bytes | str) -> str:
    return raw.decode("ascii", "replace") if isinstance(raw, bytes) else raw
