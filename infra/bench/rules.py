"""What rules cost: node states judged by thousands of them, and how that grows with their number.

In this process, without Kafka: the rule stage alone, through ``advance``. Times are of CPU.
"""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from infra.bench.table import Table
from processors.rules.stage import RuleStage
from processors.stage import Arrived, advance
from schemas.events.node_state import GpuState, ModelState, NodeState, RuntimeState
from schemas.events.rule_changed import RuleChanged
from schemas.rule_document import parse_rule
from schemas.topics import NODE_STATES

NODES, ROUNDS = 1000, 20
# Of a reading, what stays from one second to the next.
KEPT = 0.9
# States of each node that come before it is measured: at first every rule is judged once.
WARM = 10
COLUMNS = ("rules", "each about", "states a second and core", "begun or ended, of 1,000 states", "state, MB")
NOTE = (
    f"{NODES:,} nodes with one accelerator, {ROUNDS} states of each; thresholds on 20 readings, of which a "
    "few in a thousand hold at a time. Every state moves every reading. The size is of the stored state."
)
# Field, usual value, how far it strays from it.
FIELDS: Sequence[tuple[str, float, float]] = (
    ("tokens_per_second", 80.0, 20.0),
    ("power_w", 400.0, 60.0),
    ("wes", 5.0, 1.0),
    ("wes_raw", 6.0, 1.0),
    ("thermal_penalty", 1.1, 0.1),
    ("probe_tokens_per_second", 60.0, 5.0),
    ("cpu_ratio", 0.3, 0.1),
    ("memory_used_ratio", 0.5, 0.1),
    ("clock_skew_s", 0.01, 0.01),
    ("spool_records", 10.0, 5.0),
    ("gpu.utilization_ratio", 0.7, 0.1),
    ("gpu.temperature_c", 65.0, 8.0),
    ("gpu.memory_used_bytes", 4e10, 5e9),
    ("gpu.power_w", 400.0, 60.0),
    ("runtime.requests_running", 8.0, 3.0),
    ("runtime.requests_waiting", 4.0, 2.0),
    ("runtime.kv_cache_ratio", 0.5, 0.1),
    ("runtime.ttft_s", 0.4, 0.1),
    ("model.tokens_per_second", 80.0, 20.0),
    ("model.wes", 5.0, 1.0),
)


class Case(NamedTuple):
    """So many rules, each about so many nodes; 0: all of them."""

    rules: int
    nodes: int


CASES = (Case(500, 0), Case(5000, 0), Case(5000, 1), Case(5000, 10))


def run() -> Table:
    """Measure, and return the table."""
    return Table("Judging rules", COLUMNS, [row(case, NODES, ROUNDS) for case in CASES], NOTE)


def row(case: Case, nodes: int, rounds: int) -> tuple[str, ...]:
    """Measure one case."""
    chance = random.Random(7)
    stage, states = RuleStage(NODE_STATES), dict[str, Any]()
    for rule in _rules(case, nodes, chance):
        advance(states, stage, Arrived(rule, 0))
    events = list(_states(nodes, rounds + WARM, chance, 0))
    for arrived in events[: nodes * WARM]:
        advance(states, stage, arrived)
    events = events[nodes * WARM :]
    began, told = time.process_time(), 0
    for arrived in events:
        told += len(advance(states, stage, arrived))
    took = time.process_time() - began
    (state,) = states.values()
    return (
        f"{case.rules:,}",
        f"{case.nodes:,} nodes" if case.nodes else "all nodes",
        f"{len(events) / took:,.0f}",
        f"{1000 * told / len(events):,.0f}",
        f"{len(stage.encode(state)) / 1e6:.2f}",
    )


def _rules(case: Case, nodes: int, chance: random.Random) -> Iterator[RuleChanged]:
    for number in range(case.rules):
        field, usual, strays = FIELDS[number % len(FIELDS)]
        high = number % 2 == 0
        # A normal value is beyond two and a half of its deviations once in a hundred and sixty.
        threshold = usual + (1 if high else -1) * strays * chance.uniform(2.5, 6.0)
        chosen = [f"node-{chance.randrange(nodes)}" for _ in range(case.nodes)]
        document = {
            "id": f"rule-{number}",
            "source": "node-states",
            "select": {"nodes": chosen},
            "when": {"field": field, "op": ">" if high else "<", "value": threshold},
            "for_s": 5 if number % 3 == 0 else 0,
            "notify": {"channels": ["bench"]},
        }
        yield RuleChanged("", 0, f"rule-{number}", 1, False, "bench", parse_rule(document).canonical())


def _states(nodes: int, rounds: int, chance: random.Random, first: int) -> Iterator[Arrived]:
    """Yield states whose readings wander, as sensors do: nine tenths of where they were, and some noise."""
    noise = (1 - KEPT**2) ** 0.5
    now = {number: {name: usual for name, usual, _ in FIELDS} for number in range(nodes)}
    for seq in range(first, first + rounds):
        for number, values in now.items():
            for name, usual, strays in FIELDS:
                values[name] = usual + KEPT * (values[name] - usual) + noise * chance.gauss(0.0, strays)
            at = 1_763_700_000_000_000 + seq * 1_000_000 + number
            yield Arrived(_state(f"node-{number}", seq, at, values), at)


def _state(node_id: str, seq: int, at: int, values: Mapping[str, float]) -> NodeState:
    parts: dict[str, dict[str, float]] = {"gpu": {}, "runtime": {}, "model": {}, "": {}}
    for name, value in values.items():
        part, _, field = name.rpartition(".")
        parts[part][field] = value
    used = parts[""].pop("memory_used_ratio")
    return NodeState(
        id=f"{node_id}-{seq}",
        node_id=node_id,
        fleet="bench",
        boot_id="boot",
        occurred_at=at,
        seq=seq,
        arrived_at=at,
        inference_state="live",
        inference_reason="tokens",
        inference_since=0,
        thermal_state="normal",
        thermal_reason="",
        thermal_since=0,
        cpu_thermal_state="normal",
        **parts[""],  # type: ignore[arg-type] # numbers by name
        memory_total_bytes=64e9,
        memory_available_bytes=64e9 * (1 - used),
        gpus=(GpuState("gpu-0", "ok", "normal", **parts["gpu"]),),  # type: ignore[arg-type] # likewise
        runtimes=(RuntimeState("vllm:8000", "vllm", "up", **parts["runtime"]),),
        models=(ModelState("llama", "vllm:8000", **parts["model"]),),
    )
