"""An engine that makes no progress: its requests stay, and no token comes."""

from producers.simulator.faults.effect import Effect, Site, servers_of
from producers.simulator.scenario.faults import EngineHang


class EngineHangEffect(Effect):
    """Its HTTP server still answers, or does not; at the end it goes on where it stood."""

    def __init__(self, fault: EngineHang) -> None:
        self._fault = fault

    def begin(self, site: Site, now_s: float) -> None:
        """Hang."""
        for server in servers_of(site, self._fault):
            server.hung, server.answers = True, self._fault.answers

    def end(self, site: Site, now_s: float) -> None:
        """Go on."""
        for server in servers_of(site, self._fault):
            server.hung, server.answers = False, True
