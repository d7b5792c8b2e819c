"""A link that trains to fewer lanes or an older generation: what crosses it takes longer."""

from producers.simulator.faults.effect import Effect, Site, gpus_of
from producers.simulator.gpu import Gpu
from producers.simulator.scenario.faults import PcieLinkDrop

_REPLAYS = 40.0


class PcieLinkDropEffect(Effect):
    """Width and generation, and the replays that come with a bad link."""

    def __init__(self, fault: PcieLinkDrop) -> None:
        self._fault = fault
        self._before: list[tuple[Gpu, int, int]] = []

    def begin(self, site: Site, now_s: float) -> None:
        """Train the link down."""
        gpus = gpus_of(site, self._fault)
        self._before = [(gpu, gpu.pcie_width, gpu.pcie_generation) for gpu in gpus]
        for gpu in gpus:
            gpu.pcie_width = self._fault.width
            gpu.pcie_generation = self._fault.generation or gpu.pcie_generation
            gpu.replays += _REPLAYS
        self._exchange(site)

    def end(self, site: Site, now_s: float) -> None:
        """Train it up again."""
        for gpu, width, generation in self._before:
            gpu.pcie_width, gpu.pcie_generation = width, generation
        self._exchange(site)

    def _exchange(self, site: Site) -> None:
        for server in site.machine.servers:
            server.rewire()
