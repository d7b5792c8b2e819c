"""Pulls and models loaded ahead, as Prometheus asks for them."""

from collections.abc import Iterable

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from api.router.pull import Pulls
from api.router.warm import Warmer


class LoadCollector(Collector):
    """Looks at the pulls and loads of one router; without one, nothing was pulled or loaded."""

    def __init__(self, pulls: Pulls | None = None, warmer: Warmer | None = None) -> None:
        self._pulls = pulls
        self._warmer = warmer

    def collect(self) -> Iterable[Metric]:
        """Yield what was fetched and loaded."""
        pulls, warmer = self._pulls, self._warmer
        yield _counter(
            "pulls", "Pulls that are over, by result: pulled, failed.",
            {"pulled": pulls.pulled if pulls else 0, "failed": pulls.failed if pulls else 0},
        )  # fmt: skip
        progress = pulls.under_way() if pulls else ()
        under_way = GaugeMetricFamily(
            "penstock_router_pull_bytes",
            "Of the pulls under way, by part: total, as far as it is known, and done.",
            labels=("part",),
        )
        under_way.add_metric(("total",), sum(one.total for one in progress))
        under_way.add_metric(("done",), sum(one.completed for one in progress))
        yield under_way
        yield _counter(
            "loads_ahead", "Models loaded ahead, by result: loaded, failed.",
            {"loaded": warmer.done if warmer else 0, "failed": warmer.failed if warmer else 0},
        )  # fmt: skip


def _counter(name: str, text: str, values: dict[str, int]) -> CounterMetricFamily:
    found = CounterMetricFamily(f"penstock_router_{name}_total", text, labels=("result",))
    for result, value in values.items():
        found.add_metric((result,), value)
    return found
