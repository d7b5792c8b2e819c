"""Fans that stand still, or move only a share of their air."""

from producers.simulator.faults.effect import Effect, Site, gpus_of
from producers.simulator.physics.thermal import Body
from producers.simulator.scenario.faults import FanFailure


class FanFailureEffect(Effect):
    """Less air reaches the coolers; the controller asks for more, in vain."""

    def __init__(self, fault: FanFailure) -> None:
        self._fault = fault

    def begin(self, site: Site, now_s: float) -> None:
        """Take the air away."""
        self._blow(site, self._fault.airflow_ratio)

    def end(self, site: Site, now_s: float) -> None:
        """Repair the fans."""
        self._blow(site, 1.0)

    def _blow(self, site: Site, flow: float) -> None:
        bodies: list[Body] = [gpu.body for gpu in gpus_of(site, self._fault)]
        for body in bodies or [site.machine.host.body]:
            body.blow(flow)
