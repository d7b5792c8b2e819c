"""What holds for any stream: restart anywhere, redeliver anything, other nodes do not matter."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.node.stage import NodeStage
from processors.node.state import State
from processors.stage import Arrived, Output, advance
from schemas.codec.serde import encode_body
from schemas.errors import DecodeError
from schemas.events.node_sample import NodeSample
from tests.processors.node.replay import arrived
from tests.samples import at, gpu, health, ollama, runtime, sample, serving, tick

READINGS: dict[str, Callable[[int], dict[str, Any]]] = {
    "live": lambda n: {
        "gpus": (gpu(utilization_ratio=0.9, power_w=400.0 + n),),
        "runtimes": (serving(90.0 + n),),
    },
    "idle": lambda n: {"gpus": (gpu(power_w=70.0 + n % 3),), "runtimes": (runtime(),)},
    "hot": lambda n: {
        "gpus": (gpu(temperature_c=94.0, throttle_reasons=64), gpu("GPU-2")),
        "runtimes": (serving(),),
    },
    "mute": lambda n: {"runtimes": (ollama(last_activity_age_s=float(n % 20)),), "gpu_health": (health(),)},
    "bare": lambda n: {},
}
NODES = st.sampled_from(["node-1", "node-2", "node-3"])
STEPS = st.lists(
    st.tuples(NODES, st.sampled_from(sorted(READINGS)), st.sampled_from([1, 1, 1, 1, 2, 7, 31, 120])),
    max_size=60,
)


def stream(steps: Sequence[tuple[str, str, int]]) -> list[Arrived]:
    """Return samples and ticks of a fleet, as one partition holds them."""
    records: list[Arrived] = []
    seconds, seqs = 0, {"node-1": 0, "node-2": 0, "node-3": 0}
    for node_id, kind, gap in steps:
        seconds += gap
        seq = seqs[node_id] = seqs[node_id] + 1
        fields = READINGS[kind](seq)
        records.append(arrived(sample(seq, node_id=node_id, occurred_at=at(seconds), **fields)))
        if gap > 5:
            records.append(arrived(tick(seconds)))
    return records


def said(records: Sequence[Arrived], states: dict[str, State] | None = None) -> list[tuple[str, bytes]]:
    """Return (topic and key, canonical bytes) of every output."""
    memory: dict[str, State] = {} if states is None else states
    outputs = [out for record in records for out in advance(memory, NodeStage(1.1), record)]
    return [
        (f"{out.topic.name}/{out.key}", encode_body(out.event)) for out in outputs if isinstance(out, Output)
    ]


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(0, 80))
def test_restart_at_any_point_gives_the_same_output(steps: list[tuple[str, str, int]], cut: int) -> None:
    records = stream(steps)
    stage = NodeStage(1.1)
    memory: dict[str, State] = {}
    first = said(records[:cut], memory)
    stored = {key: stage.encode(state) for key, state in memory.items()}
    recovered = {key: stage.decode(raw) for key, raw in stored.items()}
    assert {key: stage.encode(state) for key, state in recovered.items()} == stored
    assert first + said(records[cut:], recovered) == said(records)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(0, 80), st.integers(0, 80))
def test_redelivery_changes_no_reading(steps: list[tuple[str, str, int]], cut: int, back: int) -> None:
    records = stream(steps)
    again = [record for record in records[max(0, cut - back) : cut] if isinstance(record.event, NodeSample)]
    once = said(records)
    twice = said([*records[:cut], *again, *records[cut:]])
    assert [name for name, _ in twice] == [name for name, _ in once]


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_other_nodes_do_not_matter(steps: list[tuple[str, str, int]]) -> None:
    records = stream(steps)
    alone = [
        record
        for record in records
        if not isinstance(record.event, NodeSample) or record.event.node_id == "node-1"
    ]
    marks = ("panes/None", "node-states/~watermark")
    ours = [out for out in said(records) if out[0].endswith("node-1") or out[0] in marks]
    assert ours == said(alone)


@settings(max_examples=30, deadline=None)
@given(STEPS, st.integers(0, 2**32))
def test_the_order_in_which_states_are_held_does_not_matter(
    steps: list[tuple[str, str, int]], seed: int
) -> None:
    records = stream(steps)
    memory: dict[str, State] = {}
    first = said(records[:30], memory)
    keys = list(memory)
    random.Random(seed).shuffle(keys)
    shuffled = {key: memory[key] for key in keys}
    assert first + said(records[30:], shuffled) == said(records)


def test_a_state_of_another_version_is_refused() -> None:
    stage = NodeStage()
    raw = stage.encode(stage.initial("node-1"))
    assert stage.encode(stage.decode(raw)) == raw
    for damaged in (b"", b"12345678" + raw[8:], raw[:-1], raw + b"x"):
        with pytest.raises(DecodeError):
            stage.decode(damaged)


@pytest.mark.parametrize("phase", [0.0, 0.5, 0.9])
def test_a_state_settles_once_a_pane(phase: float) -> None:
    stage, memory = NodeStage(), dict[str, State]()
    settled = []
    for seq in range(100):
        one = sample(seq, occurred_at=at(seq + phase), gpus=(gpu(),), runtimes=(serving(),))
        advance(memory, stage, arrived(one))
        if stage.settled(memory["node-1"]):
            settled.append(seq)
            assert sum(len(pane.samples) for pane in memory["node-1"].panes) <= 3
    assert [seq for seq in settled if seq > 9] == list(range(12, 100, 10))
    assert stage.settled(stage.initial("x"))
