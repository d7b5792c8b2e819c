"""The nodes as Prometheus gauges: readings of now, or none.

A node that is silent has ``penstock_node_up`` 0 and no other series: Prometheus then marks them stale, and no
graph goes on with the last value.
"""

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from api.query.fleet import FleetView, Node
from schemas.events.node_state import NodeState

UP = ("penstock_node_up", "1 while states of the node come, 0 when it has been silent or has stopped.")

# Name, help, and the field of the event.
NODE: Sequence[tuple[str, str, str]] = (
    ("penstock_node_tokens_per_second", "Generated tokens a second; absent while idle.", "tokens_per_second"),
    ("penstock_node_power_watts", "Watts of the node.", "power_w"),
    ("penstock_node_wes", "Tokens a joule, thermally corrected; absent while idle.", "wes"),
    ("penstock_node_wes_raw", "Tokens a joule without the thermal correction.", "wes_raw"),
    ("penstock_node_thermal_penalty", "Factor of at least 1 by which heat lowers WES.", "thermal_penalty"),
    ("penstock_node_idle_power_watts", "Learned watts of the idle node.", "idle_power_w"),
    ("penstock_node_cpu_ratio", "Use of all CPUs, 0 to 1.", "cpu_ratio"),
    ("penstock_node_memory_available_bytes", "Bytes.", "memory_available_bytes"),
    ("penstock_node_memory_total_bytes", "Bytes.", "memory_total_bytes"),
    (
        "penstock_node_clock_skew_seconds",
        "Seconds the node's clock is ahead of the broker's.",
        "clock_skew_s",
    ),
    ("penstock_node_spool_records", "Samples that wait on the node's disk.", "spool_records"),
)
STATES: Sequence[tuple[str, str, str, Sequence[str]]] = (
    (
        "penstock_node_inference_state",
        "1 for the state the node is in: unknown, idle, idle_spd, busy, live.",
        "inference_state",
        ("unknown", "idle", "idle_spd", "busy", "live"),
    ),
    (
        "penstock_node_thermal_state",
        "1 for the state the accelerators are in: unknown, normal, fair, serious, critical.",
        "thermal_state",
        ("unknown", "normal", "fair", "serious", "critical"),
    ),
)
GPU: Sequence[tuple[str, str, str]] = (
    ("penstock_gpu_utilization_ratio", "0 to 1.", "utilization_ratio"),
    ("penstock_gpu_memory_used_bytes", "Bytes.", "memory_used_bytes"),
    ("penstock_gpu_memory_total_bytes", "Bytes.", "memory_total_bytes"),
    ("penstock_gpu_temperature_celsius", "Degrees Celsius.", "temperature_c"),
    ("penstock_gpu_power_watts", "Watts.", "power_w"),
    ("penstock_gpu_idle_power_watts", "Learned watts of the idle accelerator.", "idle_power_w"),
    ("penstock_gpu_thermal_penalty", "Factor of at least 1.", "thermal_penalty"),
)
RUNTIME: Sequence[tuple[str, str, str]] = (
    ("penstock_runtime_requests_running", "Requests.", "requests_running"),
    ("penstock_runtime_requests_waiting", "Requests.", "requests_waiting"),
    ("penstock_runtime_kv_cache_ratio", "Use of the KV cache, 0 to 1.", "kv_cache_ratio"),
    (
        "penstock_runtime_tokens_per_second",
        "Generated tokens a second; absent while idle.",
        "tokens_per_second",
    ),
    ("penstock_runtime_ttft_seconds", "Seconds to the first token, mean of the last interval.", "ttft_s"),
)
MODEL: Sequence[tuple[str, str, str]] = (
    (
        "penstock_model_tokens_per_second",
        "Generated tokens a second; absent while idle.",
        "tokens_per_second",
    ),
    ("penstock_model_wes", "Tokens a joule, thermally corrected; absent while idle.", "wes"),
    ("penstock_model_vram_bytes", "Accelerator memory it takes, bytes.", "vram_bytes"),
)
RUNTIME_UP = ("penstock_runtime_up", "1 while the runtime answers.")

_NODE_LABELS = ("node_id", "fleet")


class FleetCollector(Collector):
    """Collects from the view of the fleet when Prometheus asks."""

    def __init__(self, fleet: FleetView) -> None:
        self._fleet = fleet

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield every family; those of readings hold the nodes that are up."""
        now = time.time_ns() // 1000
        nodes = list(self._fleet.nodes())
        up = GaugeMetricFamily(*UP, labels=_NODE_LABELS)
        for node in nodes:
            up.add_metric(_labels(node), float(node.is_up(now)))
        yield up
        yield from families([node for node in nodes if node.is_up(now)])


def families(nodes: Sequence[Node]) -> Iterator[GaugeMetricFamily]:
    """Yield the families of readings of these nodes."""
    states = [(_labels(node), node.state) for node in nodes if node.state]
    yield from _gauges(NODE, _NODE_LABELS, states)
    for name, text, field, values in STATES:
        family = GaugeMetricFamily(name, text, labels=(*_NODE_LABELS, "state"))
        for labels, state in states:
            for value in values:
                family.add_metric((*labels, value), float(getattr(state, field) == value))
        yield family
    gpus = [((*labels, gpu.gpu_id), gpu) for labels, state in states for gpu in state.gpus]
    yield from _gauges(GPU, (*_NODE_LABELS, "gpu_id"), gpus)
    yield from _runtimes(states)
    models = [((*labels, one.name, one.runtime_id), one) for labels, state in states for one in state.models]
    yield from _gauges(MODEL, (*_NODE_LABELS, "model", "runtime_id"), models)


def _runtimes(states: Sequence[tuple[tuple[str, str], NodeState]]) -> Iterator[GaugeMetricFamily]:
    labels = (*_NODE_LABELS, "runtime_id", "kind")
    runtimes = [((*node, one.runtime_id, one.kind), one) for node, state in states for one in state.runtimes]
    up = GaugeMetricFamily(*RUNTIME_UP, labels=labels)
    for values, one in runtimes:
        up.add_metric(values, float(one.status == "up"))
    yield up
    yield from _gauges(RUNTIME, labels, runtimes)


def names() -> Mapping[str, str]:
    """Return the name and help of every metric of the fleet."""
    tables = (NODE, GPU, RUNTIME, MODEL)
    plain = {name: text for table in tables for name, text, _ in table}
    return dict((UP, RUNTIME_UP)) | plain | {name: text for name, text, *_ in STATES}


def _gauges(
    table: Sequence[tuple[str, str, str]],
    labels: Sequence[str],
    things: Sequence[tuple[Sequence[str], Any]],
) -> Iterator[GaugeMetricFamily]:
    for name, text, field in table:
        family = GaugeMetricFamily(name, text, labels=labels)
        for values, thing in things:
            reading = getattr(thing, field)
            if not math.isnan(reading):
                family.add_metric(values, reading)
        yield family


def _labels(node: Node) -> tuple[str, str]:
    return node.node_id, node.fleet
