"""What is read of one NVIDIA device every ten seconds. NVML reports PCIe throughput in KB/s."""

import math
from collections.abc import Sequence

import pynvml

from producers.node.sensors import nvml_memory
from producers.node.sensors.nvml_device import Device
from schemas.events.node_registered import GpuInventory
from schemas.events.node_sample import GpuHealth
from schemas.events.reading import NAN

_KILOBYTE = 1000.0
_LINKS = range(pynvml.NVML_NVLINK_MAX_LINKS)
_LINK_ERRORS = (
    pynvml.NVML_NVLINK_ERROR_DL_REPLAY,
    pynvml.NVML_NVLINK_ERROR_DL_RECOVERY,
    pynvml.NVML_NVLINK_ERROR_DL_CRC_FLIT,
    pynvml.NVML_NVLINK_ERROR_DL_CRC_DATA,
)


def health(device: Device, facts: GpuInventory, *, divided: bool) -> GpuHealth:
    """Return the slow readings; PCIe throughput alone takes NVML 20 ms in each direction.

    The processes of a device that is ``divided`` are its MIG instances'.
    """
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
        processes=() if divided else nvml_memory.processes(device) or (),
    )


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
    known = [link for link, state in enumerate(states) if state is not None]
    if not known:
        return NAN, NAN
    # Of links that are down too: their errors are why, and a sum that falls looks like a counter begun anew.
    return float(sum(map(bool, states))), _nvlink_errors(device, known)


def _nvlink_errors(device: Device, links: Sequence[int]) -> float:
    names = {f"link {link} {counter}": (link, counter) for link in links for counter in _LINK_ERRORS}
    counts = {
        name: device.ask(name, pynvml.nvmlDeviceGetNvLinkErrorCounter, *which)
        for name, which in names.items()
    }
    if any(count is None and not device.refuses(name) for name, count in counts.items()):
        return NAN
    told = [count for count in counts.values() if count is not None]
    return math.fsum(told) if told else NAN
