"""A sensor that repeats its last reading."""

from producers.simulator.faults.effect import Effect, Site
from producers.simulator.scenario.faults import SensorFreeze


class SensorFreezeEffect(Effect):
    """The world goes on, the reading does not; the agent's own checks then judge it."""

    def __init__(self, fault: SensorFreeze) -> None:
        self._fault = fault

    def begin(self, site: Site, now_s: float) -> None:
        """Freeze."""
        site.hold_reading(self._fault.reading, self._fault.gpus, lost=False)

    def end(self, site: Site, now_s: float) -> None:
        """Thaw."""
        site.release_reading(self._fault.reading, self._fault.gpus)
