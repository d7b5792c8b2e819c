"""Small scenarios for tests, and how to run them."""

from collections.abc import Iterable
from typing import Any, Generic, NamedTuple, TypeVar

from producers.simulator.engine import simulate
from producers.simulator.fact import Fact
from producers.simulator.scenario.arrivals import Arrivals, Closed, Constant, Poisson, Process
from producers.simulator.scenario.changes import AnyChange
from producers.simulator.scenario.faults import AnyFault
from producers.simulator.scenario.machines import Environment, Model, Node, Runtime
from producers.simulator.scenario.model import Scenario
from schemas.codec.serde import encode_body
from schemas.events.node_sample import NodeSample

T0 = 1_767_600_000_000_000
GB = 1e9
Kind = TypeVar("Kind")

ONE_A_SECOND = Poisson(1.0)
ROOM = Environment()

CHAT = Model(name="llama-3.3-70b", quantization="fp8", context_tokens=32768)
SMALL = Model(name="llama-3.1-8b", quantization="q4_k_m", context_tokens=8192)
OTHER = Model(name="qwen2.5-14b", quantization="q4_k_m", context_tokens=8192, loaded=False)


def runtime(kind: str = "vllm", *models: Model, port: int = 8000, slots: int = 64, **more: Any) -> Runtime:
    return Runtime(kind=kind, port=port, slots=slots, models=models or (CHAT,), **more)


def h100(name: str = "gpu-1", **more: Any) -> Node:
    told: dict[str, Any] = {
        "chip": "h100-sxm",
        "gpus": 8,
        "cpu": "2x-xeon-8480c",
        "memory_bytes": 2e12,
        "runtimes": (runtime(),),
    }
    return Node(name=name, **(told | more))


def rtx(name: str = "rtx-1", **more: Any) -> Node:
    told: dict[str, Any] = {
        "chip": "rtx-4090",
        "gpus": 1,
        "cpu": "ryzen-7950x",
        "memory_bytes": 64 * GB,
        "swap_bytes": 8 * GB,
        "runtimes": (runtime("ollama", SMALL, OTHER, port=11434, slots=4),),
    }
    return Node(name=name, **(told | more))


def llama(name: str = "llama-1", **more: Any) -> Node:
    return rtx(name, **({"runtimes": (runtime("llamacpp", SMALL, port=8080, slots=4),)} | more))


def mac(name: str = "mac-1", **more: Any) -> Node:
    told: dict[str, Any] = {"chip": "m3-max", "cpu": "m3-max", "gpus": 1, "memory_bytes": 64 * GB}
    return rtx(name, **(told | more))


def cpu_only(name: str = "cpu-1", **more: Any) -> Node:
    told: dict[str, Any] = {"chip": "", "cpu": "xeon-6430", "gpus": 0, "memory_bytes": 256 * GB}
    return llama(name, **(told | more))


def asked(
    model: str,
    *nodes: str,
    process: Process = ONE_A_SECOND,
    prompt: int = 600,
    output: int = 250,
    **more: Any,
) -> Arrivals:
    told: dict[str, Any] = {
        "name": f"of-{model}",
        "prompt_tokens": Constant(prompt),
        "output_tokens": Constant(output),
    }
    return Arrivals(model=model, nodes=nodes, process=process, **(told | more))


def clients(model: str, *nodes: str, count: int = 8, think_s: float = 0.0, **more: Any) -> Arrivals:
    return asked(model, *nodes, process=Closed(count, think_s), **more)


def scene(
    *nodes: Node,
    arrivals: Iterable[Arrivals] = (),
    faults: Iterable[AnyFault] = (),
    changes: Iterable[AnyChange] = (),
    duration_s: float = 120.0,
    interval_s: float = 1.0,
    seed: int = 7,
    environment: Environment = ROOM,
) -> Scenario:
    return Scenario(
        name="scene",
        about="of a test",
        seed=seed,
        starts_at=T0,
        duration_s=duration_s,
        interval_s=interval_s,
        fleet="sim",
        environment=environment,
        nodes=nodes,
        arrivals=tuple(arrivals),
        changes=tuple(changes),
        faults=tuple(faults),
    )


class Arrived(NamedTuple, Generic[Kind]):
    """An event of one kind, and when the log had it, µs since the epoch."""

    event: Kind
    arrived_at: int


def arrived(scenario: Scenario, kind: type[Kind], topic: str = "") -> list[Arrived[Kind]]:
    """Return the events of a kind as they arrive, of one topic or of all."""
    return [
        Arrived(fact.event, fact.arrived_at)
        for fact in simulate(scenario)
        if isinstance(fact.event, kind) and topic in ("", fact.topic.name)
    ]


def samples(scenario: Scenario, node: str = "") -> list[NodeSample]:
    """Return the samples of a node, of the first one by default, in the order of arrival."""
    node = node or scenario.nodes[0].name
    return [
        fact.event
        for fact in simulate(scenario, nodes=[node])
        if isinstance(fact.event, NodeSample) and fact.event.node_id == node
    ]


def at(found: list[NodeSample], second: float) -> NodeSample:
    """Return the first sample at or after a second of the scenario, by the node's clock."""
    return next(sample for sample in found if sample.occurred_at >= T0 + second * 1e6)


def encoded(facts: Iterable[Fact]) -> list[tuple[str, str | None, int, bytes]]:
    return [(fact.topic.name, fact.key, fact.arrived_at, encode_body(fact.event)) for fact in facts]
