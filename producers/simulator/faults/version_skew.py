"""An agent of another version than it should be."""

from producers.simulator.faults.effect import Effect, Site
from producers.simulator.scenario.faults import VersionSkew


class VersionSkewEffect(Effect):
    """It is restarted with that version, and with its own at the end."""

    def __init__(self, fault: VersionSkew) -> None:
        self._fault = fault

    def begin(self, site: Site, now_s: float) -> None:
        """Install the other version."""
        site.kill_agent(now_s)
        site.start_agent(now_s, self._fault.version)

    def end(self, site: Site, now_s: float) -> None:
        """Install its own."""
        site.kill_agent(now_s)
        site.start_agent(now_s, site.machine.node.agent_version)
