"""A key-value cache of which a part cannot be used for requests, as with blocks that leak."""

from producers.simulator.faults.effect import Effect, Site, servers_of
from producers.simulator.scenario.faults import KvPressure


class KvPressureEffect(Effect):
    """Fewer requests fit; those that grow push others out."""

    def __init__(self, fault: KvPressure) -> None:
        self._fault = fault

    def begin(self, site: Site, now_s: float) -> None:
        """Take the blocks."""
        for server in servers_of(site, self._fault):
            server.taken_ratio = self._fault.blocks_ratio

    def end(self, site: Site, now_s: float) -> None:
        """Give them back."""
        for server in servers_of(site, self._fault):
            server.taken_ratio = 0.0
