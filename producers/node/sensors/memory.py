"""Memory and swap: psutil, within the control group's limit where the agent runs in a container."""

import time

import psutil

from producers.node.cgroup import MemoryLimit
from producers.node.rate import Rates
from producers.node.source import Blocking, Facts


class Memory:
    """``limit`` is none outside a container: there the machine's memory is what counts."""

    def __init__(self, limit: MemoryLimit | None) -> None:
        self._limit = limit
        self._rates = Rates()

    def read(self) -> Facts:
        """Return memory, swap and how fast pages go in and out."""
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        total, available = float(memory.total), float(memory.available)
        found = self._limit.read() if self._limit else None
        if found is not None and found.limit_bytes < total:
            total = found.limit_bytes
            available = min(available, max(0.0, total - found.used_bytes))
        swapped = {"swap_in_bytes_per_s": float(swap.sin), "swap_out_bytes_per_s": float(swap.sout)}
        return Facts(
            host={
                "memory_total_bytes": total,
                "memory_available_bytes": available,
                "memory_used_bytes": total - available,
                "swap_used_bytes": float(swap.used),
                **self._rates.per_second(time.monotonic(), swapped),
            }
        )


def source(limit: MemoryLimit | None) -> Blocking:
    """Read every second."""
    return Blocking("memory", Memory(limit).read, period_s=1.0)
