"""An agent that is killed and comes back as another run."""

from producers.simulator.faults.effect import Effect, Site
from producers.simulator.scenario.faults import AgentRestart


class AgentRestartEffect(Effect):
    """The machine and its runtimes go on without it."""

    def __init__(self, fault: AgentRestart) -> None:
        self._fault = fault

    def begin(self, site: Site, now_s: float) -> None:
        """Kill it."""
        site.kill_agent(now_s)

    def end(self, site: Site, now_s: float) -> None:
        """Start it."""
        site.start_agent(now_s)
