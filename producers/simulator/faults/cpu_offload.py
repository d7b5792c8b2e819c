"""Layers that run on the processor, as after a start that did not find room on the accelerators."""

from producers.simulator.faults.effect import Effect, Site, servers_of
from producers.simulator.scenario.faults import CpuOffload


class CpuOffloadEffect(Effect):
    """The accelerators wait for the processor in every step."""

    def __init__(self, fault: CpuOffload) -> None:
        self._fault = fault

    def begin(self, site: Site, now_s: float) -> None:
        """Move the layers."""
        for server in servers_of(site, self._fault):
            server.offload = self._fault.layers_ratio
            server.rewire()

    def end(self, site: Site, now_s: float) -> None:
        """Move them back."""
        for server in servers_of(site, self._fault):
            server.offload = 0.0
            server.rewire()
