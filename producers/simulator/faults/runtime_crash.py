"""A runtime whose process dies; somebody starts it again at the end."""

from producers.simulator.faults.effect import Effect, Site, servers_of
from producers.simulator.scenario.faults import RuntimeCrash


class RuntimeCrashEffect(Effect):
    """What it had in hand is lost, and it loads its models again."""

    def __init__(self, fault: RuntimeCrash) -> None:
        self._fault = fault

    def begin(self, site: Site, now_s: float) -> None:
        """Die."""
        for server in servers_of(site, self._fault):
            server.stop(now_s)

    def end(self, site: Site, now_s: float) -> None:
        """Start."""
        for server in servers_of(site, self._fault):
            if server.state == "down" and not site.machine.off:
                server.start(now_s)
