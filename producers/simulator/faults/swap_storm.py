"""A program that needs more memory than there is, and touches all of it."""

from producers.simulator.faults.effect import Effect, Site
from producers.simulator.scenario.faults import SwapStorm


class SwapStormEffect(Effect):
    """Its pages and others' push each other to disk and back."""

    def __init__(self, fault: SwapStorm) -> None:
        self._fault = fault

    def begin(self, site: Site, now_s: float) -> None:
        """Take memory."""
        memory = site.machine.host.memory
        memory.hogged += self._fault.memory_bytes
        memory.touched_bytes_per_s += self._fault.touch_bytes_per_s

    def end(self, site: Site, now_s: float) -> None:
        """Give it back."""
        memory = site.machine.host.memory
        memory.hogged = max(0.0, memory.hogged - self._fault.memory_bytes)
        memory.touched_bytes_per_s = max(0.0, memory.touched_bytes_per_s - self._fault.touch_bytes_per_s)
