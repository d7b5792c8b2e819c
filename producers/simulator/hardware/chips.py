"""Accelerators and their ratings.

Sources: the makers' data sheets (memory, bandwidth, dense 16-bit arithmetic, board power, PCIe), the totals
of memory, clocks and temperature thresholds that NVML tells of such boards, and public measurements of idle
power and of temperatures under full load in air of 25 °C. Of Apple's power there are measurements only.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from schemas.events.reading import NAN

GB = 1e9
MIB = float(1 << 20)
TERA = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """An accelerator. NaN: it has none, or NVML does not tell it.

    ``flops`` are dense 16-bit operations a second, ``busy_clock_mhz`` is where boost settles under load,
    ``full_c`` is the temperature of the die at ``limit_w`` in air of 25 °C, ``memory_rise_c`` how much hotter
    its memory is than its heat sink at full traffic. ``target_c`` is where the driver begins to hold clocks
    down, ``slowdown_c`` where the hardware does. ``fans``: of its own, which NVML tells.
    """

    name: str
    vendor: Literal["nvidia", "apple"] = "nvidia"
    memory_bytes: float
    bandwidth_bytes_per_s: float
    flops: float
    idle_w: float
    limit_w: float
    limit_min_w: float = NAN
    idle_clock_mhz: float
    busy_clock_mhz: float
    max_clock_mhz: float
    floor_clock_mhz: float = 210.0
    memory_clock_mhz: float = NAN
    idle_memory_clock_mhz: float = NAN
    target_c: float
    slowdown_c: float
    shutdown_c: float
    memory_max_c: float = NAN
    memory_limit_c: float = 110.0
    memory_sensor: bool = False
    full_c: float
    memory_rise_c: float = 22.0
    fans: bool = False
    idle_state: int = 0
    pcie_generation: int = 4
    ecc: bool = False
    nvlinks: int = 0
    unified: bool = False
    max_gpus: int = 8


def _datacentre(name: str, memory_mib: float, bandwidth_gb: float, tflops: float, watts: float, idle_w: float,
                clocks: tuple[float, float, float, float], **more: float) -> Chip:  # fmt: skip
    """Return a board with HBM, which tells the memory's temperature; ``clocks`` idle, busy, most, memory."""
    found: dict[str, float] = {
        "target_c": 87, "slowdown_c": 89, "shutdown_c": 92, "memory_max_c": 95, "memory_limit_c": 95,
        "full_c": 68, "memory_rise_c": 14, "limit_min_w": 200, "pcie_generation": 5, "ecc": True,
    }  # fmt: skip
    found |= more
    idle, busy, most, memory = clocks
    return Chip(
        name=name, memory_bytes=memory_mib * MIB, bandwidth_bytes_per_s=bandwidth_gb * GB,
        flops=tflops * TERA, idle_w=idle_w, limit_w=watts, idle_clock_mhz=idle, busy_clock_mhz=busy,
        max_clock_mhz=most, memory_clock_mhz=memory, idle_memory_clock_mhz=memory,
        memory_sensor=True, **found,  # type: ignore[arg-type]  # each is a number of Chip
    )  # fmt: skip


def _passive(name: str, memory_mib: float, bandwidth_gb: float, tflops: float, watts: float, idle_w: float,
             clocks: tuple[float, float, float, float], **more: float) -> Chip:  # fmt: skip
    """Return a board with GDDR, cooled by the fans of its server."""
    found: dict[str, float] = {
        "target_c": 88, "slowdown_c": 92, "shutdown_c": 97, "full_c": 70, "limit_min_w": 0.4 * watts,
        "ecc": True, "idle_state": 8, "idle_memory_clock_mhz": 405,
    }  # fmt: skip
    found |= more
    idle, busy, most, memory = clocks
    return Chip(
        name=name, memory_bytes=memory_mib * MIB, bandwidth_bytes_per_s=bandwidth_gb * GB,
        flops=tflops * TERA, idle_w=idle_w, limit_w=watts, idle_clock_mhz=idle, busy_clock_mhz=busy,
        max_clock_mhz=most, memory_clock_mhz=memory,
        **found,  # type: ignore[arg-type]  # each is a number of Chip
    )  # fmt: skip


def _geforce(name: str, memory_mib: float, bandwidth_gb: float, tflops: float, watts: float, idle_w: float,
             clocks: tuple[float, float, float, float], **more: float) -> Chip:  # fmt: skip
    """Return a board with fans of its own; NVML does not tell the temperature of its memory."""
    found: dict[str, float] = {
        "target_c": 84, "slowdown_c": 90, "shutdown_c": 95, "full_c": 69, "fans": True, "ecc": False,
        "max_gpus": 8,
    }  # fmt: skip
    return _passive(name, memory_mib, bandwidth_gb, tflops, watts, idle_w, clocks, **(found | more))


def _apple(name: str, memory_gb: float, bandwidth_gb: float, tflops: float, idle_w: float, full_w: float,
           clock_mhz: float, full_c: float) -> Chip:  # fmt: skip
    """Return the GPU of a chip; watts are those of the whole chip at rest and with its GPU at work."""
    return Chip(
        name=name, vendor="apple", memory_bytes=memory_gb * (1 << 30),
        bandwidth_bytes_per_s=bandwidth_gb * GB, flops=tflops * TERA, idle_w=idle_w, limit_w=full_w,
        idle_clock_mhz=338, busy_clock_mhz=clock_mhz, max_clock_mhz=clock_mhz, target_c=103, slowdown_c=106,
        shutdown_c=115, full_c=full_c, memory_rise_c=4, unified=True, max_gpus=1, pcie_generation=0,
    )  # fmt: skip


CHIPS: Mapping[str, Chip] = {
    "b200": _datacentre("NVIDIA B200", 183359, 8000, 2250, 1000, 140, (120, 1965, 1965, 3996), nvlinks=18),
    "h200-sxm": _datacentre("NVIDIA H200", 143771, 4800, 989, 700, 76, (345, 1980, 1980, 3201), nvlinks=18),
    "h100-sxm": _datacentre("NVIDIA H100 80GB HBM3", 81559, 3350, 989, 700, 72, (345, 1980, 1980, 2619),
                            nvlinks=18, full_c=69),
    "h100-nvl": _datacentre("NVIDIA H100 NVL", 95830, 3938, 835, 400, 62, (345, 1785, 1785, 2619),
                            nvlinks=12),
    "h100-pcie": _datacentre("NVIDIA H100 PCIe", 81559, 2000, 756, 350, 47, (345, 1755, 1755, 1593)),
    "a100-sxm-80gb": _datacentre("NVIDIA A100-SXM4-80GB", 81920, 2039, 312, 400, 58, (210, 1410, 1410, 1593),
                                 nvlinks=12, target_c=85, limit_min_w=100, pcie_generation=4, full_c=66),
    "a100-pcie-80gb": _datacentre("NVIDIA A100 80GB PCIe", 81920, 1935, 312, 300, 44, (210, 1410, 1410, 1512),
                                  target_c=85, limit_min_w=150, pcie_generation=4),
    "a100-pcie-40gb": _datacentre("NVIDIA A100-PCIE-40GB", 40960, 1555, 312, 250, 34, (210, 1410, 1410, 1215),
                                  target_c=85, limit_min_w=150, pcie_generation=4, full_c=66),
    "v100-sxm-32gb": _datacentre("Tesla V100-SXM2-32GB", 32768, 900, 125, 300, 41, (135, 1530, 1530, 877),
                                 nvlinks=6, target_c=83, slowdown_c=87, shutdown_c=90, memory_max_c=85,
                                 limit_min_w=150, pcie_generation=3, full_c=63, memory_rise_c=10),
    "l40s": _passive("NVIDIA L40S", 46068, 864, 362, 350, 33, (210, 2490, 2520, 9001)),
    "l40": _passive("NVIDIA L40", 46068, 864, 181, 300, 33, (210, 2460, 2490, 9001)),
    "l4": _passive("NVIDIA L4", 23034, 300, 121, 72, 13, (210, 2040, 2040, 6251), full_c=72),
    "a40": _passive("NVIDIA A40", 46068, 696, 150, 300, 29, (210, 1740, 1740, 7251)),
    "a10": _passive("NVIDIA A10", 23028, 600, 125, 150, 17, (210, 1695, 1695, 6251)),
    "t4": _passive("Tesla T4", 15360, 320, 65, 70, 10, (300, 1590, 1590, 5001), full_c=72,
                   slowdown_c=93, shutdown_c=96, target_c=89, pcie_generation=3),
    "rtx-pro-6000-blackwell": _geforce("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", 97887, 1792, 503,
                                       600, 16, (180, 2617, 3090, 14001), ecc=True, pcie_generation=5),
    "rtx-6000-ada": _geforce("NVIDIA RTX 6000 Ada Generation", 49140, 960, 182, 300, 22,
                             (210, 2505, 3105, 10001), ecc=True),
    "rtx-a6000": _geforce("NVIDIA RTX A6000", 49140, 768, 155, 300, 22, (210, 1800, 2100, 8001), ecc=True,
                          full_c=72, slowdown_c=95, shutdown_c=98),
    "rtx-a5000": _geforce("NVIDIA RTX A5000", 24564, 768, 111, 230, 16, (210, 1695, 2100, 8001), ecc=True,
                          slowdown_c=95, shutdown_c=98),
    "rtx-5090": _geforce("NVIDIA GeForce RTX 5090", 32607, 1792, 210, 575, 22, (180, 2685, 3090, 14001),
                         pcie_generation=5, full_c=71),
    "rtx-5080": _geforce("NVIDIA GeForce RTX 5080", 16303, 960, 113, 360, 15, (180, 2760, 3090, 15001),
                         pcie_generation=5, full_c=66),
    "rtx-5070-ti": _geforce("NVIDIA GeForce RTX 5070 Ti", 16303, 896, 88, 300, 13, (180, 2700, 3090, 14001),
                            pcie_generation=5, full_c=64),
    "rtx-4090": _geforce("NVIDIA GeForce RTX 4090", 24564, 1008, 165, 450, 18, (210, 2745, 3105, 10501)),
    "rtx-4080-super": _geforce("NVIDIA GeForce RTX 4080 SUPER", 16376, 736, 104, 320, 13,
                               (210, 2760, 3105, 11501), full_c=65),
    "rtx-4080": _geforce("NVIDIA GeForce RTX 4080", 16376, 717, 97, 320, 13, (210, 2760, 3105, 11201),
                         full_c=65),
    "rtx-4070-ti-super": _geforce("NVIDIA GeForce RTX 4070 Ti SUPER", 16376, 672, 88, 285, 12,
                                  (210, 2760, 3105, 10501), full_c=66),
    "rtx-4070": _geforce("NVIDIA GeForce RTX 4070", 12282, 504, 58, 200, 11, (210, 2745, 3105, 10501)),
    "rtx-4060-ti-16gb": _geforce("NVIDIA GeForce RTX 4060 Ti", 16380, 288, 44, 165, 10,
                                 (210, 2730, 3105, 9001)),
    "rtx-3090": _geforce("NVIDIA GeForce RTX 3090", 24576, 936, 71, 350, 24, (210, 1860, 2100, 9751),
                         full_c=73, target_c=83, slowdown_c=95, shutdown_c=98, memory_rise_c=30),
    "rtx-3080": _geforce("NVIDIA GeForce RTX 3080", 10240, 760, 59, 320, 20, (210, 1860, 2100, 9501),
                         full_c=72, target_c=83, slowdown_c=95, shutdown_c=98, memory_rise_c=28),
    "rtx-3060": _geforce("NVIDIA GeForce RTX 3060", 12288, 360, 25, 170, 13, (210, 1850, 2100, 7501),
                         full_c=68, target_c=83, slowdown_c=95, shutdown_c=98),
    "gb10": _passive("NVIDIA GB10", 124610, 273, 125, 140, 9, (208, 2418, 3003, math.nan), unified=True,
                     full_c=76, ecc=False, max_gpus=1, limit_min_w=math.nan,
                     idle_memory_clock_mhz=math.nan),
    "m1": _apple("Apple M1", 16, 68, 2.6, 0.6, 16, 1278, 82),
    "m1-max": _apple("Apple M1 Max", 64, 400, 10.4, 1.2, 52, 1296, 84),
    "m2-ultra": _apple("Apple M2 Ultra", 192, 800, 27.2, 4.0, 130, 1398, 78),
    "m3": _apple("Apple M3", 24, 100, 4.1, 0.6, 20, 1398, 86),
    "m3-max": _apple("Apple M3 Max", 128, 400, 16.3, 1.3, 64, 1398, 88),
    "m3-ultra": _apple("Apple M3 Ultra", 512, 819, 32.6, 4.5, 160, 1398, 80),
    "m4": _apple("Apple M4", 32, 120, 4.3, 0.6, 22, 1578, 86),
    "m4-pro": _apple("Apple M4 Pro", 64, 273, 8.6, 0.9, 42, 1578, 87),
    "m4-max": _apple("Apple M4 Max", 128, 546, 18.4, 1.4, 78, 1578, 89),
}  # fmt: skip
