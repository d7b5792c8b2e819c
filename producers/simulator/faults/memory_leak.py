"""A program that takes ever more memory, of the machine or of accelerators."""

from producers.simulator.faults.effect import Effect, Site, gpus_of
from producers.simulator.scenario.faults import MemoryLeak


class MemoryLeakEffect(Effect):
    """It grows until the end, when the program is restarted, or the kernel kills it."""

    steps = True

    def __init__(self, fault: MemoryLeak) -> None:
        self._fault = fault
        self._last_s = fault.at_s

    def step(self, site: Site, now_s: float) -> None:
        """Leak."""
        leaked = self._fault.rate_bytes_per_s * max(0.0, now_s - self._last_s)
        self._last_s = now_s
        if self._fault.where == "host":
            site.machine.host.memory.leaked += leaked
            return
        for gpu in gpus_of(site, self._fault):
            gpu.foreign_bytes = min(gpu.chip.memory_bytes, gpu.foreign_bytes + leaked)

    def end(self, site: Site, now_s: float) -> None:
        """Restart the program."""
        if self._fault.where == "host":
            site.machine.host.memory.leaked = 0.0
        else:
            for gpu in gpus_of(site, self._fault):
                gpu.foreign_bytes = 0.0
