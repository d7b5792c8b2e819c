"""Open observations and alerts as Prometheus gauges; what is not open has no series."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from api.query.finding import Kind, state_of, what_of
from api.query.standing import Standing


class FindingsCollector(Collector):
    """Counts what stands when Prometheus asks."""

    def __init__(self, standing: Sequence[Standing]) -> None:
        self._standing = standing

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield one family for each kind."""
        now = time.time_ns() // 1000
        for standing in self._standing:
            yield _family(standing, now)


def _family(standing: Standing, now: int) -> GaugeMetricFamily:
    kind = standing.kind
    family = GaugeMetricFamily(
        _name(kind),
        f"Open {kind.plural}, by fleet, {kind.what}, severity (info, warning, critical) and state (open, "
        "acknowledged, dismissed); where there are none there is no series.",
        labels=("fleet", kind.what, "severity", "state"),
    )
    counts = Counter(
        (finding.fleet, what_of(finding), finding.severity, state_of(finding, now))
        for finding in standing.open()
    )
    for labels, count in sorted(counts.items()):
        family.add_metric(labels, count)
    return family


def _name(kind: Kind) -> str:
    return f"penstock_{kind.plural}_open"
