"""What judging costs: every pattern at one node, pane by pane, beside the node stage for the same samples.

In this process, without Kafka: the stages alone, through ``advance``. Times are of CPU.
"""

import time
from collections.abc import Iterator
from typing import Any

from infra.bench.table import Table
from processors.stage import Arrived, Output, Stage, advance
from processors.topology import all_stages
from producers.simulator.engine import simulate
from producers.simulator.scenario.read import read_text
from schemas.events.node_pane import NodePane
from schemas.events.node_sample import NodeSample
from schemas.settings import Settings
from schemas.topics import PANES, TELEMETRY

WARM_S = 600.0
COLUMNS = (
    "node",
    "panes",
    "pane p50, µs",
    "pane p99, µs",
    "node stage for its samples, µs",
    "patterns, of the node stage",
)
NOTE = (
    "All patterns over full windows of ten minutes, with the lives of observations, hint and summary; a "
    "simulated healthy node under load, one sample a second. CPU time of one process."
)
SCENARIO = """
about: Nodes at work, for the cost of judging them.
seed: 3
duration: 40m
nodes:
  - name: one
    chip: rtx-4090
    gpus: 1
    cpu: ryzen-7950x
    memory: 64GB
    runtimes:
      - kind: llamacpp
        port: 8080
        slots: 4
        models: [{name: llama-3.1-8b, quantization: q4_k_m, context: 8192}]
  - name: eight
    chip: h100-sxm
    gpus: 8
    cpu: 2x-xeon-8480c
    memory: 2TB
    runtimes:
      - kind: vllm
        port: 8000
        slots: 64
        models: [{name: llama-3.3-70b, quantization: fp8, context: 32768}]
arrivals:
  - {name: small, model: llama-3.1-8b, process: {poisson: 0.4/s}, prompt_tokens: {constant: 300},
     output_tokens: {constant: 120}}
  - {name: large, model: llama-3.3-70b, process: {poisson: 2/s}, prompt_tokens: {constant: 500},
     output_tokens: {constant: 200}}
"""


def run() -> Table:
    """Measure, and return the table."""
    rows = [_row(name, gpus) for name, gpus in (("one", "1 GPU"), ("eight", "8 GPUs"))]
    return Table("Judging patterns", COLUMNS, rows, NOTE)


def _row(node_id: str, title: str) -> tuple[str, ...]:
    stages = {stage.name: stage for stage in all_stages(Settings())}
    telemetry = [
        Arrived(fact.event, fact.arrived_at)
        for fact in simulate(read_text(SCENARIO, "bench"), nodes=[node_id])
        if fact.topic is TELEMETRY
    ]
    began = time.process_time()
    panes = list(_panes(stages["node-stage"], telemetry))
    samples = sum(isinstance(one.event, NodeSample) for one in telemetry)
    per_pane = (time.process_time() - began) / samples * 10
    costs = sorted(_costs(stages["pattern-stage"], panes))
    mean = sum(costs) / len(costs)
    return (
        title,
        f"{len(costs):,}",
        f"{costs[len(costs) // 2] * 1e6:,.0f}",
        f"{costs[len(costs) * 99 // 100] * 1e6:,.0f}",
        f"{per_pane * 1e6:,.0f}",
        f"{mean / per_pane:.2f}",
    )


def _panes(stage: Stage[Any], telemetry: list[Arrived]) -> Iterator[Arrived]:
    states: dict[str, Any] = {}
    for arrived in telemetry:
        for out in advance(states, stage, arrived):
            if isinstance(out, Output) and out.topic is PANES:
                yield Arrived(out.event, arrived.arrived_at)


def _costs(stage: Stage[Any], panes: list[Arrived]) -> Iterator[float]:
    """Yield seconds of CPU of each pane once the windows are full."""
    states: dict[str, Any] = {}
    first = panes[0].arrived_at
    for arrived in panes:
        began = time.process_time()
        advance(states, stage, arrived)
        took = time.process_time() - began
        if isinstance(arrived.event, NodePane) and arrived.arrived_at - first > WARM_S * 1e6:
            yield took
