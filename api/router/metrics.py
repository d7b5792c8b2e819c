"""Metrics of the router: plain numbers, which become Prometheus's when it asks.

Counting costs next to nothing that way, on a path that a request passes in tenths of a millisecond.
"""

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from api.router.outcome import Outcome

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Times:
    """Counts of times by the bounds above, seconds."""

    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS) + 1)
        self.total_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.total_s += seconds

    def metric(self, name: str, text: str) -> Metric:
        """Return them as Prometheus has them."""
        buckets, below = [], 0
        for bound, count in zip((*map(str, SECONDS), "+Inf"), self.counts, strict=True):
            below += count
            buckets.append((bound, below))
        return HistogramMetricFamily(name, text, buckets=buckets, sum_value=self.total_s)


class RouterMetrics:
    """One set for each router, in a registry of its own."""

    def __init__(self) -> None:
        self.received = 0
        self.open: set[str] = set()
        self.sent = 0
        self.failed = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.outcomes = dict.fromkeys(Outcome, 0)
        self.wait, self.ttft, self.total = Times(), Times(), Times()
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def describe(self) -> Iterator[Metric]:
        """Return the metrics without their values."""
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics. Labels are words of the router, never what callers write."""
        ended = sum(self.outcomes.values())
        yield _counter("requests_received", "Requests received.", {(): self.received})
        yield _counter(
            "requests_finished",
            "Requests that are over, by outcome: the twelve of the event request_finished.",
            {(outcome.value,): count for outcome, count in self.outcomes.items()},
            "outcome",
        )
        yield GaugeMetricFamily(
            "penstock_router_requests_open",
            "Requests received and not over.",
            value=len(self.open),
        )
        yield GaugeMetricFamily(
            "penstock_router_requests_unbalanced",
            "Requests received, less those finished and those open: 0, or the router has an error.",
            value=self.received - ended - len(self.open),
        )
        yield _counter(
            "attempts",
            "Times that an upstream was asked, by what came of it: sent (all of them), failed.",
            {("sent",): self.sent, ("failed",): self.failed},
            "result",
        )
        yield _counter(
            "tokens",
            "Tokens as upstreams reported them, by kind: prompt, completion.",
            {("prompt",): self.prompt_tokens, ("completion",): self.completion_tokens},
            "kind",
        )
        yield self.wait.metric(
            "penstock_router_queue_wait_seconds", "Seconds in the queue, of requests that were admitted."
        )
        yield self.ttft.metric(
            "penstock_router_ttft_seconds",
            "Seconds from receiving a streamed request to the first token of its answer.",
        )
        yield self.total.metric(
            "penstock_router_request_seconds",
            "Seconds from receiving a request to its end, of those that completed.",
        )


def _counter(name: str, text: str, values: dict[tuple[str, ...], int], *labels: str) -> Metric:
    found = CounterMetricFamily(f"penstock_router_{name}_total", text, labels=labels)
    for of, value in values.items():
        found.add_metric(of, value)
    return found
