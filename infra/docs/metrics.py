"""``docs/metrics.md``: every metric that a part serves under ``/metrics``."""

import importlib
import pkgutil
from collections.abc import Iterator

from prometheus_client import REGISTRY, Metric

import api.metrics
import api.router.metrics
import processors
import producers
import sinks
from api.query.finding import KINDS
from api.query.findings_metrics import FindingsCollector
from api.query.fleet import FleetView
from api.query.prometheus import FleetCollector
from api.query.standing import Standing
from api.router.fleet_metrics import FleetMetrics
from api.router.lifecycle.metrics import FactsCollector
from api.router.load_metrics import LoadCollector
from api.router.queue.core import Queue
from api.router.queue.limits import QueueLimits
from api.router.queue_metrics import QueueCollector
from infra.docs.markdown import table

HEAD = """# Metrics

Generated from the code by `python -m infra.docs`; do not edit.

The worker, the sink, the notifier and the node agent serve `/metrics` for Prometheus on loopback, at the
ports of the settings `worker.metrics_port`, `sink.metrics_port`, `notifier.metrics_port` and
`node.metrics_port`; the API serves its own and those of the nodes at its port, and so does the router. Units
are base units. Labels have few values, listed where they are not names of the installation.
"""
PREFIX = "penstock_"
# Heading, and what the names below it begin with.
PARTS = {
    "The worker": ("worker",),
    "The sink": ("sink",),
    "The notifier": ("notifier",),
    "The node agent": ("agent",),
    "The API": ("api",),
    "The router": ("router",),
    "Nodes, served by the API": ("node", "gpu", "runtime", "model"),
    "What is open, served by the API": ("observations", "alerts"),
}


def render() -> str:
    """Return the document."""
    found = sorted(metrics(), key=lambda metric: metric.name)
    parts = (_part(heading, names, found) for heading, names in PARTS.items())
    return HEAD + "".join(parts)


def metrics() -> Iterator[Metric]:
    """Yield every metric of ours that some part registers."""
    for package in (producers, processors, sinks):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith(".metrics"):
                importlib.import_module(module.name)
    registries = (
        REGISTRY,
        api.metrics.ApiMetrics().registry,
        api.router.metrics.RouterMetrics().registry,
    )
    for registry in registries:
        yield from (metric for metric in registry.collect() if metric.name.startswith(PREFIX))
    yield from FleetCollector(FleetView()).collect()
    yield from FactsCollector().collect()
    yield from FleetMetrics(FleetView(), "").collect()
    yield from QueueCollector(Queue(QueueLimits())).collect()
    yield from LoadCollector().collect()
    yield from FindingsCollector([Standing(kind) for kind in KINDS]).collect()


def _part(heading: str, names: tuple[str, ...], found: list[Metric]) -> str:
    rows = [
        (f"`{_full_name(metric)}`", metric.type, metric.documentation)
        for metric in found
        if metric.name.removeprefix(PREFIX).partition("_")[0] in names
    ]
    return f"\n## {heading}\n\n{table(('name', 'type', 'meaning'), rows)}" if rows else ""


def _full_name(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name
