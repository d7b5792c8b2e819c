"""Metrics of the facts of requests; made when Prometheus asks."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from api.router.lifecycle.clerk import Clerk
from api.router.lifecycle.recorder import FactRecorder


class FactsCollector:
    """Tells Prometheus what became of facts. With no parts it has all metrics and no values."""

    def __init__(self, parts: tuple[FactRecorder, Clerk] | None = None) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        told = CounterMetricFamily(
            "penstock_router_facts_total",
            "Facts of requests by what became of them: delivered (acknowledged by Kafka), dropped (memory or "
            "spool full), refused (can never be sent).",
            labels=["outcome"],
        )
        waiting = GaugeMetricFamily(
            "penstock_router_facts_waiting",
            "Facts that Kafka does not have yet, by place: ring (not written down), memory, disk.",
            labels=["place"],
        )
        gauges = {
            "facts_open": "Requests with a fact request_received and none request_finished: equal to "
            "penstock_router_requests_open, unless some are not recorded.",
            "facts_spool_bytes": "Bytes of facts that wait on disk.",
            "facts_connected": "1 while connected to Kafka.",
            "journal_bytes": "Bytes of the journal, from which the next start tells what a kill cut off.",
            "journal_ok": "1 while the journal can be written.",
        }
        unrecorded = CounterMetricFamily(
            "penstock_router_requests_unrecorded_total",
            "Requests without facts, because too many waited and neither Kafka nor the disk took them.",
        )
        values = self._values(told, waiting, unrecorded)
        yield told
        yield waiting
        yield unrecorded
        for name, text in gauges.items():
            found = GaugeMetricFamily(f"penstock_router_{name}", text)
            if name in values:
                found.add_metric([], values[name])
            yield found

    def _values(
        self, told: CounterMetricFamily, waiting: GaugeMetricFamily, unrecorded: CounterMetricFamily
    ) -> dict[str, float]:
        if self._parts is None:
            return {}
        recorder, clerk = self._parts
        now = clerk.standing
        for outcome, count in (
            ("delivered", now.delivered),
            ("dropped", now.dropped),
            ("refused", now.refused),
        ):
            told.add_metric([outcome], count)
        for place, count in (
            ("ring", recorder.waiting), ("memory", now.memory), ("disk", now.disk)
        ):  # fmt: skip
            waiting.add_metric([place], count)
        unrecorded.add_metric([], recorder.unrecorded_total)
        return {
            "facts_open": now.open,
            "facts_spool_bytes": now.spool_bytes,
            "facts_connected": now.connected,
            "journal_bytes": now.journal_bytes,
            "journal_ok": now.journal_works,
        }
