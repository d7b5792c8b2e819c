"""An engine that answers a share of the requests with an error."""

from producers.simulator.faults.effect import Effect, Site
from producers.simulator.scenario.faults import EngineErrors


class EngineErrorsEffect(Effect):
    """Which requests fail is drawn from the seed."""

    def __init__(self, fault: EngineErrors) -> None:
        self._fault = fault

    def begin(self, site: Site, now_s: float) -> None:
        """Fail."""
        site.fail_share(self._fault.runtime_id, self._fault.error_ratio)

    def end(self, site: Site, now_s: float) -> None:
        """Stop failing."""
        site.fail_share(self._fault.runtime_id, 0.0)
