"""A power supply that cannot hold: it pulls the boards' power brake again and again."""

from producers.simulator.faults.effect import Effect, Site, gpus_of
from producers.simulator.scenario.faults import PowerBrake


class PowerBrakeEffect(Effect):
    """The brake is on for a share of each period, measured in steps."""

    steps = True

    def __init__(self, fault: PowerBrake) -> None:
        self._fault = fault

    def step(self, site: Site, now_s: float) -> None:
        """Pull or release."""
        fault = self._fault
        phase = ((now_s - fault.at_s) % fault.period_s) / fault.period_s
        self._set(site, 1.0 if phase < fault.share_ratio else 0.0)

    def end(self, site: Site, now_s: float) -> None:
        """Release."""
        self._set(site, 0.0)

    def _set(self, site: Site, brake: float) -> None:
        for gpu in gpus_of(site, self._fault):
            gpu.governor.brake = brake
