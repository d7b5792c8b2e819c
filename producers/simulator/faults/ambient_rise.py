"""Warmer air at the inlet: a room, a rack or an aisle without cooling."""

from producers.simulator.faults.effect import Effect, Site, ramp
from producers.simulator.scenario.faults import AmbientRise

_SETTLED_S = 5.0


class AmbientRiseEffect(Effect):
    """The air gets warmer in a line, and back likewise after the end."""

    steps = True

    def __init__(self, fault: AmbientRise) -> None:
        self._fault = fault
        self._rise_c = 0.0
        self.after_s = fault.ramp_s + _SETTLED_S

    def step(self, site: Site, now_s: float) -> None:
        """Let the air follow."""
        fault = self._fault
        share = ramp(now_s, fault.at_s, fault.ramp_s)
        if now_s > fault.until_s:
            share -= ramp(now_s, fault.until_s, fault.ramp_s)
        rise_c = fault.rise_c * max(0.0, share)
        site.machine.air_rise_c += rise_c - self._rise_c
        self._rise_c = rise_c
