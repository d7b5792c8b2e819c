"""Accelerators that fall off the bus, and with them what ran on them."""

from producers.simulator.faults.effect import Effect, Site, gpus_of
from producers.simulator.gpu import Gpu
from producers.simulator.scenario.faults import GpuLost
from producers.simulator.server import Server


class GpuLostEffect(Effect):
    """Runtimes that span one die; at the end they are there again, and the runtimes start."""

    def __init__(self, fault: GpuLost) -> None:
        self._fault = fault
        self._gpus: list[Gpu] = []
        self._died: list[Server] = []

    def begin(self, site: Site, now_s: float) -> None:
        """Fall off."""
        self._gpus = gpus_of(site, self._fault)
        for gpu in self._gpus:
            gpu.fall_off()
        servers = [one for one in site.machine.servers if one.state != "down"]
        self._died = [one for one in servers if any(gpu in one.gpus for gpu in self._gpus)]
        for server in self._died:
            server.stop(now_s)

    def end(self, site: Site, now_s: float) -> None:
        """Come back."""
        for gpu in self._gpus:
            gpu.restore(site.machine.air_c)
        for server in self._died:
            if server.state == "down" and not site.machine.off:
                server.start(now_s)
