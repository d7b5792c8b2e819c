"""Every source of this node. A sensor family or a runtime more is one line here."""

import os
from collections.abc import Sequence
from pathlib import Path

from producers.node.cgroup import MemoryLimit, container
from producers.node.runtimes import ollama
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
from schemas.settings import NodeSettings


def all_sources(settings: NodeSettings, data_dir: Path) -> Sequence[Source]:
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
        ollama.source(settings.ollama_url, os.environ),
    )
