"""A machine without power."""

from producers.simulator.faults.effect import Effect, Site
from producers.simulator.scenario.faults import NodeCrash


class NodeCrashEffect(Effect):
    """No word, no spool; it boots at the end."""

    def __init__(self, fault: NodeCrash) -> None:
        self._fault = fault

    def begin(self, site: Site, now_s: float) -> None:
        """Go dark."""
        site.power_off(now_s)

    def end(self, site: Site, now_s: float) -> None:
        """Boot."""
        site.boot(now_s)
