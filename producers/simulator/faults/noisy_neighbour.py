"""Another program on the machine: it takes processor, accelerators, memory and disk."""

from producers.simulator.faults.effect import Effect, Site, gpus_of
from producers.simulator.scenario.faults import NoisyNeighbour


class NoisyNeighbourEffect(Effect):
    """What it takes is missing elsewhere; no runtime shows its work."""

    def __init__(self, fault: NoisyNeighbour) -> None:
        self._fault = fault

    def begin(self, site: Site, now_s: float) -> None:
        """Move in."""
        self._take(site, 1.0)

    def end(self, site: Site, now_s: float) -> None:
        """Move out."""
        self._take(site, -1.0)

    def _take(self, site: Site, sign: float) -> None:
        fault, host = self._fault, site.machine.host
        host.foreign_cpu = _grown(host.foreign_cpu, sign * fault.cpu_ratio)
        host.memory.hogged = _grown(host.memory.hogged, sign * fault.memory_bytes)
        disk = sign * fault.disk_bytes_per_s
        host.foreign_disk_bytes_per_s = _grown(host.foreign_disk_bytes_per_s, disk)
        for gpu in gpus_of(site, fault):
            gpu.foreign_ratio = _grown(gpu.foreign_ratio, sign * fault.gpu_ratio)
            gpu.foreign_bytes = _grown(gpu.foreign_bytes, sign * fault.vram_bytes)


def _grown(value: float, by: float) -> float:
    return max(0.0, value + by)
