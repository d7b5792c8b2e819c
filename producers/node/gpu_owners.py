"""Which runtime a process on a GPU belongs to: the nearest of itself and its ancestors that is one. Pure.

A runtime is known by the process that listens; what computes is often a child of it, as with Ollama's runners
and vLLM's engine cores.
"""

from collections.abc import Iterable, Mapping

from schemas.events.node_registered import RuntimeInventory
from schemas.events.node_sample import GpuHealth, GpuProcess

Ancestors = Mapping[int, tuple[int, ...]]


def pids_of(runtimes: Iterable[RuntimeInventory]) -> dict[int, str]:
    """Return ``runtime_id`` by process id. Where two answer on ports of one process, the first by name."""
    known = sorted(((each.pid, each.runtime_id) for each in runtimes if each.pid > 0), reverse=True)
    return dict(known)


def owned(health: GpuHealth, ancestors: Ancestors, runtimes: Mapping[int, str]) -> GpuHealth:
    """Return the same with the runtime of each process, where one is known; ``runtimes`` by process id."""
    if not runtimes or not health.processes:
        return health
    processes = tuple(
        process._replace(runtime_id=_owner(process, ancestors, runtimes)) for process in health.processes
    )
    return health._replace(processes=processes)


def _owner(process: GpuProcess, ancestors: Ancestors, runtimes: Mapping[int, str]) -> str:
    line = (process.pid, *ancestors.get(process.pid, ()))
    return next((runtimes[pid] for pid in line if pid in runtimes), "")
