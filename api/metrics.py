"""Metrics of the API itself; those of the nodes are in ``query/prometheus``."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class ApiMetrics:
    """One set for each application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self.requests = Counter(
            "penstock_api_requests_total",
            "HTTP requests, by route, method and status; unknown paths have the route 'none'.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "penstock_api_request_seconds",
            "Seconds to the first byte of the answer, by route.",
            ["route"],
            buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30),
            registry=self.registry,
        )
        self.sql = Counter(
            "penstock_api_sql_queries_total",
            "Ad-hoc queries, by outcome: ok, truncated, refused, failed, left.",
            ["outcome"],
            registry=self.registry,
        )
        self.streams = Gauge(
            "penstock_api_stream_clients",
            "Clients of /api/v1/stream now.",
            registry=self.registry,
        )
        self.dropped = Counter(
            "penstock_api_stream_dropped_total",
            "Clients of /api/v1/stream that were dropped because they read too slowly.",
            registry=self.registry,
        )
        self.records = Counter(
            "penstock_api_records_total",
            "Records read for the view of the fleet, by outcome: ok, unreadable.",
            ["outcome"],
            registry=self.registry,
        )
