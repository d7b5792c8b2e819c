"""A node that nothing reaches. What its agent spools meanwhile is the log's way to tell (``link.py``)."""

from producers.simulator.faults.effect import Effect, Site
from producers.simulator.scenario.faults import NetworkPartition


class NetworkPartitionEffect(Effect):
    """Connections between router and runtimes break."""

    def __init__(self, fault: NetworkPartition) -> None:
        self._fault = fault

    def begin(self, site: Site, now_s: float) -> None:
        """Cut."""
        site.cut(now_s, at_once=False)
