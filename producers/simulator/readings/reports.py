"""How collectors do: a report of each every ten seconds, and of one whose status changed at once."""

import random
from collections.abc import Mapping, Sequence

from producers.simulator.machine import Machine
from producers.simulator.server import Server
from schemas.events.node_sample import CollectorReport

COMMON = ("cpu", "cpu_clock", "memory", "pressure", "disk", "network", "temperature", "rapl", "clock_sync")
APPLE = ("cpu", "memory", "disk", "network", "apple_gpu", "apple_memory", "powermetrics")
NVIDIA = ("nvml", "nvml_events")
_FINDER = "discovery"
# Runs in ten seconds; the rest runs every second.
_RUNS: Mapping[str, float] = {
    "cpu_clock": 5.0, "disk": 5.0, "temperature": 5.0, "clock_sync": 2.0, "apple_gpu": 5.0,
    "apple_memory": 2.0, "powermetrics": 2.0, _FINDER: 2.0,
}  # fmt: skip
_RUNTIME_RUNS = 5.0


def collectors(machine: Machine, servers: Sequence[Server]) -> tuple[str, ...]:
    """Return the names of the agent's collectors, in the order in which reports name them."""
    names = APPLE if machine.apple else COMMON + (NVIDIA if machine.gpus else ())
    return (*names, *(server.spec.runtime_id for server in servers), _FINDER)


class ReportReader:
    """Remembers which collectors had trouble in the sample before."""

    def __init__(self, machine: Machine, rng: random.Random) -> None:
        self._machine = machine
        self._rng = rng
        self._before: dict[str, str] = {}

    def read(self, servers: Sequence[Server], *, due: bool) -> tuple[CollectorReport, ...]:
        """Return the reports of this moment."""
        trouble = self._trouble(servers)
        before, self._before = self._before, trouble
        if not due and trouble.keys() == before.keys():
            return ()
        changed = trouble.keys() ^ before.keys()
        names = collectors(self._machine, servers)
        return tuple([self._report(name, trouble.get(name)) for name in names if due or name in changed])

    def _trouble(self, servers: Sequence[Server]) -> dict[str, str]:
        """Return why a collector finds nothing, by its name."""
        found = {}
        lost = [gpu.gpu_id for gpu in self._machine.gpus if gpu.lost]
        if lost:
            found["nvml"] = f"no answer from {', '.join(lost)}"
        for server in servers:
            if server.state != "up":
                found[server.spec.runtime_id] = f"nothing listens at http://127.0.0.1:{server.spec.port}"
            elif not server.answers:
                found[server.spec.runtime_id] = "no answer to /metrics within 2 s"
        return found

    def _report(self, name: str, trouble: str | None) -> CollectorReport:
        noise = self._rng.random
        runs = _RUNS.get(name, _RUNTIME_RUNS if ":" in name else 10.0)
        took_s = 0.0005 + 0.002 * noise()
        if trouble is None:
            return CollectorReport(name, "ok", "", 0.02 * noise(), took_s, runs, 0.0, 0.0)
        return CollectorReport(name, "error", trouble, 0.02 * noise(), took_s, 0.0, runs, 0.0)
