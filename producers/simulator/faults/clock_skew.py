"""A node's clock that is set wrong, and drifts."""

from producers.simulator.faults.effect import Effect, Site
from producers.simulator.scenario.faults import ClockSkew


class ClockSkewEffect(Effect):
    """The operating system knows that it follows no time source meanwhile."""

    def __init__(self, fault: ClockSkew) -> None:
        self._fault = fault

    def begin(self, site: Site, now_s: float) -> None:
        """Set it wrong."""
        site.set_clock(now_s, self._fault.offset_s, self._fault.drift_ppm, synchronized=False)

    def end(self, site: Site, now_s: float) -> None:
        """Set it right."""
        site.set_clock(now_s, 0.0, 0.0, synchronized=True)
