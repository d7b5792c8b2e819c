"""A lower power limit, as an administrator or a rack's controller sets it."""

from producers.simulator.faults.effect import Effect, Site, gpus_of
from producers.simulator.gpu import Gpu
from producers.simulator.scenario.faults import PowerCap


class PowerCapEffect(Effect):
    """The enforced limit of the boards."""

    def __init__(self, fault: PowerCap) -> None:
        self._fault = fault
        self._before: list[tuple[Gpu, float]] = []

    def begin(self, site: Site, now_s: float) -> None:
        """Set the limit."""
        self._before = [(gpu, gpu.governor.limit_w) for gpu in gpus_of(site, self._fault)]
        for gpu, _ in self._before:
            gpu.governor.limit_w = self._fault.limit_w

    def end(self, site: Site, now_s: float) -> None:
        """Set it back."""
        for gpu, limit_w in self._before:
            gpu.governor.limit_w = limit_w
