"""Every source of this node but its runtimes, which come and go. A sensor family more is one line here."""

from collections.abc import Sequence
from pathlib import Path

from producers.node.cgroup import MemoryLimit, container
from producers.node.sensors import (
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


def all_sources(data_dir: Path) -> Sequence[Source]:
    """Return the sources, in the order in which reports name them."""
    return (
        cpu.source(),
        cpu_clock.source(),
        memory.source(MemoryLimit() if container() else None),
        pressure.source(),
        disk.source(data_dir),
        network.source(),
        temperature.source(),
        rapl.source(),
        clock_sync.source(),
        nvml.source(),
    )
