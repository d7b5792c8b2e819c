"""What is read of one NVIDIA device every second.

Sources are NVML's functions, named in each line. NVML reports milliwatts, millijoules and percent.
"""

import math

import pynvml

from producers.node.sensors import nvml_memory
from producers.node.sensors.nvml_device import Device
from schemas.events.node_registered import GpuInventory
from schemas.events.node_sample import GpuSample
from schemas.events.reading import NAN

_MILLI = 1e-3
_PERCENT = 0.01
_UNKNOWN_PSTATE = 32
# Of the bits of NVML's reasons 10 have a meaning; what has no room in the event's long is no set of bits.
_MOST_REASONS = 2**63 - 1


def sample(device: Device, facts: GpuInventory) -> GpuSample:
    """Return the readings of every second; status is error when the device answers none of the main ones."""
    ask = device.number
    failures = device.failures
    use = device.ask("utilization", pynvml.nvmlDeviceGetUtilizationRates)
    temperature_c, power_w = _temperature(device), ask("power", pynvml.nvmlDeviceGetPowerUsage, unit=_MILLI)
    used, total = nvml_memory.used_and_total(device, facts)
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
    return -1 if reasons is None or reasons > _MOST_REASONS else int(reasons)
