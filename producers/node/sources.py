"""Every source of this node but its runtimes, which come and go. A sensor family more is one line here."""

from collections.abc import Sequence
from pathlib import Path

from producers.node.cgroup import MemoryLimit, container
from producers.node.sensors import (
    apple,
    clock_sync,
    cpu,
    cpu_clock,
    disk,
    memory,
    network,
    nvml,
    pressure,
    rapl,
    temperature,
)
from producers.node.source import Source


def all_sources(data_dir: Path, *, per_core: bool = False) -> Sequence[Source]:
    """Return the sources, in the order in which reports name them."""
    limited = bool(container())
    return (
        cpu.source(cpu.CpuLimit() if limited else None, per_core=per_core),
        cpu_clock.source(),
        memory.source(MemoryLimit() if limited else None),
        pressure.source(),
        disk.source(data_dir),
        network.source(),
        temperature.source(),
        rapl.source(),
        clock_sync.source(),
        *nvml.sources(),
        *apple.sources(),
    )
