"""Metrics of the router. Labels are words of the router, never what callers write."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class RouterMetrics:
    """One set for each router, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self.received = Counter(
            "penstock_router_requests_received_total", "Requests received.", registry=self.registry
        )
        self.finished = Counter(
            "penstock_router_requests_finished_total",
            "Requests that are over, by outcome: the twelve of the event request_finished.",
            ["outcome"],
            registry=self.registry,
        )
        self.open = Gauge(
            "penstock_router_requests_open",
            "Requests received and not over: received = finished + open.",
            registry=self.registry,
        )
        self.attempts = Counter(
            "penstock_router_attempts_total",
            "Times that an upstream was asked, by what came of it: sent, failed.",
            ["result"],
            registry=self.registry,
        )
        self.wait = Histogram(
            "penstock_router_queue_wait_seconds",
            "Seconds in the queue, of requests that were admitted.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.ttft = Histogram(
            "penstock_router_ttft_seconds",
            "Seconds from receiving a streamed request to the first token of its answer.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.total = Histogram(
            "penstock_router_request_seconds",
            "Seconds from receiving a request to its end, of those that completed.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.tokens = Counter(
            "penstock_router_tokens_total",
            "Tokens as upstreams reported them, by kind: prompt, completion.",
            ["kind"],
            registry=self.registry,
        )
