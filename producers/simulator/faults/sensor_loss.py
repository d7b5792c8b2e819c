"""A sensor that gives no reading any more."""

from producers.simulator.faults.effect import Effect, Site
from producers.simulator.scenario.faults import SensorLoss


class SensorLossEffect(Effect):
    """The reading is absent, which is neither fine nor a fault."""

    def __init__(self, fault: SensorLoss) -> None:
        self._fault = fault

    def begin(self, site: Site, now_s: float) -> None:
        """Lose it."""
        site.hold_reading(self._fault.reading, self._fault.gpus, lost=True)

    def end(self, site: Site, now_s: float) -> None:
        """Have it again."""
        site.release_reading(self._fault.reading, self._fault.gpus)
