"""Processors and their ratings: the makers' data sheets; bandwidth with every memory channel in use.

``flops`` are what matrix kernels of 16-bit weights reach at best; idle power is of the packages at rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

GB = 1e9
TERA = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """The processors of a machine, all sockets together. ``sensor``: the driver of its thermometer.

    ``full_c`` is its temperature at ``limit_w`` in air of 25 °C; at ``slowdown_c`` it lowers its clock.
    """

    name: str
    cores: int
    threads: int
    idle_w: float
    limit_w: float
    bandwidth_bytes_per_s: float
    flops: float
    full_c: float
    slowdown_c: float
    max_memory_bytes: float
    sensor: Literal["coretemp", "k10temp", ""] = "k10temp"


def _cpu(name: str, cores: int, threads: int, watts: tuple[float, float], bandwidth_gb: float, tflops: float,
         celsius: tuple[float, float], memory_gb: float,
         sensor: Literal["coretemp", "k10temp", ""] = "k10temp") -> Cpu:  # fmt: skip
    return Cpu(
        name=name, cores=cores, threads=threads, idle_w=watts[0], limit_w=watts[1],
        bandwidth_bytes_per_s=bandwidth_gb * GB, flops=tflops * TERA, full_c=celsius[0],
        slowdown_c=celsius[1], max_memory_bytes=memory_gb * (1 << 30), sensor=sensor,
    )  # fmt: skip


def _apple(name: str, cores: int, limit_w: float, bandwidth_gb: float) -> Cpu:
    """Return the processor of an Apple chip; what it draws is part of the chip's power."""
    return _cpu(name, cores, cores, (0.3, limit_w), 0.5 * bandwidth_gb, 2.0, (85, 105), 512, "")


CPUS: Mapping[str, Cpu] = {
    "epyc-9654": _cpu("AMD EPYC 9654 96-Core Processor", 96, 192, (90, 360), 460, 9.0, (68, 96), 6144),
    "epyc-9354": _cpu("AMD EPYC 9354 32-Core Processor", 32, 64, (65, 280), 460, 3.4, (66, 96), 6144),
    "2x-epyc-9654": _cpu("AMD EPYC 9654 96-Core Processor", 192, 384, (175, 720), 921, 18.0, (68, 96), 12288),
    "epyc-7763": _cpu("AMD EPYC 7763 64-Core Processor", 64, 128, (75, 280), 204, 3.0, (66, 95), 4096),
    "2x-xeon-8480c": _cpu("Intel(R) Xeon(R) Platinum 8480C", 112, 224, (170, 700), 614, 14.0, (69, 100), 8192,
                          "coretemp"),
    "xeon-6430": _cpu("Intel(R) Xeon(R) Gold 6430", 32, 64, (75, 270), 281, 3.6, (68, 100), 4096, "coretemp"),
    "xeon-4314": _cpu("Intel(R) Xeon(R) Silver 4314 CPU @ 2.40GHz", 16, 32, (45, 135), 170, 1.4, (66, 100),
                      6144, "coretemp"),
    "threadripper-7970x": _cpu("AMD Ryzen Threadripper 7970X 32-Cores", 32, 64, (70, 350), 166, 4.2, (74, 95),
                               1024),
    "ryzen-9950x": _cpu("AMD Ryzen 9 9950X 16-Core Processor", 16, 32, (28, 200), 90, 2.8, (76, 95), 192),
    "ryzen-7950x": _cpu("AMD Ryzen 9 7950X 16-Core Processor", 16, 32, (30, 200), 83, 2.3, (76, 95), 192),
    "ryzen-5950x": _cpu("AMD Ryzen 9 5950X 16-Core Processor", 16, 32, (28, 142), 51, 1.1, (73, 90), 128),
    "core-i9-14900k": _cpu("Intel(R) Core(TM) i9-14900K", 24, 32, (14, 220), 89, 1.7, (78, 100), 192,
                           "coretemp"),
    "core-i7-13700": _cpu("13th Gen Intel(R) Core(TM) i7-13700", 16, 24, (9, 150), 77, 1.1, (74, 100), 192,
                          "coretemp"),
    "core-i5-12400": _cpu("12th Gen Intel(R) Core(TM) i5-12400", 6, 12, (7, 90), 70, 0.6, (68, 100), 128,
                          "coretemp"),
    "gb10": _cpu("ARM Cortex-X925", 20, 20, (6, 60), 273, 1.5, (74, 100), 128, ""),
    "m1": _apple("Apple M1", 8, 18, 68),
    "m1-max": _apple("Apple M1 Max", 10, 30, 400),
    "m2-ultra": _apple("Apple M2 Ultra", 24, 70, 800),
    "m3": _apple("Apple M3", 8, 20, 100),
    "m3-max": _apple("Apple M3 Max", 16, 50, 400),
    "m3-ultra": _apple("Apple M3 Ultra", 32, 90, 819),
    "m4": _apple("Apple M4", 10, 22, 120),
    "m4-pro": _apple("Apple M4 Pro", 14, 44, 273),
    "m4-max": _apple("Apple M4 Max", 16, 56, 546),
}  # fmt: skip
