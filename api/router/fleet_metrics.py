"""What the router knows of nodes, for Prometheus, when it asks."""

import time
from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from api.query.fleet import FleetView, Node

OUTCOMES = ("ok", "unreadable")
CONDITIONS = ("up", "silent", "stopped")


class FleetMetrics(Collector):
    """Counts records of the nodes' topics, and looks at the nodes of one fleet."""

    def __init__(self, fleet: FleetView, name: str, clock: Callable[[], float] = time.time) -> None:
        self._fleet = fleet
        self._name = name
        self._clock = clock
        self._records = dict.fromkeys(OUTCOMES, 0)

    def count(self, outcome: str) -> None:
        """Count a record: ``ok`` or ``unreadable``."""
        self._records[outcome] += 1

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """Yield both."""
        records = CounterMetricFamily(
            "penstock_router_node_records", "Records of nodes read: ok, unreadable.", labels=("outcome",)
        )
        for outcome, number in self._records.items():
            records.add_metric((outcome,), number)
        yield records
        nodes = GaugeMetricFamily(
            "penstock_router_nodes",
            "Nodes of the fleet: up, silent (no state for a while), stopped.",
            labels=("condition",),
        )
        conditions = [self._condition(node) for node in self._fleet.nodes(self._name)]
        for condition in CONDITIONS:
            nodes.add_metric((condition,), conditions.count(condition))
        yield nodes

    def _condition(self, node: Node) -> str:
        if node.has_stopped:
            return "stopped"
        return "up" if node.is_up(int(self._clock() * 1e6)) else "silent"
