"""Dust in the coolers: heat goes away ever worse."""

from producers.simulator.faults.effect import Effect, Site, gpus_of, ramp
from producers.simulator.scenario.faults import Dust


class DustEffect(Effect):
    """The resistance grows in a line; at the end somebody cleans."""

    steps = True

    def __init__(self, fault: Dust) -> None:
        self._fault = fault
        self._factor = 1.0

    def step(self, site: Site, now_s: float) -> None:
        """Let dust settle."""
        fault = self._fault
        self._set(site, 1.0 + (fault.resistance_factor - 1.0) * ramp(now_s, fault.at_s, fault.ramp_s))

    def end(self, site: Site, now_s: float) -> None:
        """Clean."""
        self._set(site, 1.0)

    def _set(self, site: Site, factor: float) -> None:
        bodies = [gpu.body for gpu in gpus_of(site, self._fault)] or [site.machine.host.body]
        for body in bodies:
            body.resistance *= factor / self._factor
        self._factor = factor
