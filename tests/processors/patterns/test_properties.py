"""What holds for the pattern stage whatever comes: restarts, other nodes, repetition, lives."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.patterns.stage import PatternStage
from processors.patterns.state import State
from processors.stage import Arrived, Output, advance
from schemas.codec.serde import encode_body
from schemas.events.node_pane import NodePane
from schemas.events.observation import Observation, ObservationOpened, ObservationResolved
from schemas.events.watermark import Watermark
from tests.processors.patterns.toy import TOY, mark, pane, part, patient

WATTS = st.sampled_from([100.0, 490.0, 510.0, 600.0, 950.0, float("nan")])
# Ten seconds each: a pane of a node, or nothing; a watermark follows now and then.
STEPS = st.lists(
    st.tuples(st.sampled_from(["node-1", "node-2", ""]), WATTS, st.booleans(), st.booleans()), max_size=60
)
PATTERNS = (TOY, patient(id="slow", for_s=30, clear_s=60))


def stream(steps: Sequence[tuple[str, float, bool, bool]]) -> list[Arrived]:
    records = []
    for index, (node_id, watts, marked, asked) in enumerate(steps):
        end = (index + 1) * 10.0
        if node_id:
            records.append(Arrived(pane(index, watts, node_id=node_id), int(end)))
        if asked:
            records.append(Arrived(part(index), int(end)))
        if marked:
            records.append(Arrived(mark(end + 3), int(end)))
    return records


def said(records: Sequence[Arrived], states: dict[str, State] | None = None) -> list[tuple[str, bytes]]:
    memory: dict[str, State] = {} if states is None else states
    stage = PatternStage(PATTERNS)
    outputs = [out for record in records for out in advance(memory, stage, record)]
    return [
        (f"{out.topic.name}/{getattr(out.event, 'node_id', '')}", encode_body(out.event))
        for out in outputs
        if isinstance(out, Output)
    ]


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(0, 120))
def test_a_restart_at_any_point_changes_nothing(steps: list[tuple[str, float, bool, bool]], cut: int) -> None:
    records, stage = stream(steps), PatternStage(PATTERNS)
    memory: dict[str, State] = {}
    first = said(records[:cut], memory)
    restored = {key: stage.decode(stage.encode(state)) for key, state in memory.items()}
    assert first + said(records[cut:], restored) == said(records)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_other_nodes_do_not_matter(steps: list[tuple[str, float, bool, bool]]) -> None:
    records = stream(steps)
    alone = [one for one in records if not isinstance(one.event, NodePane) or one.event.node_id == "node-1"]
    ours = [out for out in said(records) if not out[0].endswith("node-2")]
    assert ours == said(alone)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(0, 60))
def test_panes_that_come_again_change_nothing(steps: list[tuple[str, float, bool, bool]], at: int) -> None:
    records = stream(steps)
    again = records[:at] + [one for one in records[:at] if not isinstance(one.event, Watermark)][-5:]
    assert said(again + records[at:]) == said(records)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_every_observation_opens_once_and_ends_once_at_most(
    steps: list[tuple[str, float, bool, bool]],
) -> None:
    memory: dict[str, State] = {}
    stage = PatternStage(PATTERNS)
    events = [
        out.event
        for record in stream(steps)
        for out in advance(memory, stage, record)
        if isinstance(out, Output) and isinstance(out.event, Observation)
    ]
    by_id: dict[str, list[Observation]] = {}
    for event in events:
        by_id.setdefault(event.observation_id, []).append(event)
    for life in by_id.values():
        assert isinstance(life[0], ObservationOpened)
        assert [one.revision for one in life] == list(range(len(life)))
        assert not any(isinstance(one, ObservationOpened) for one in life[1:])
        assert not any(isinstance(one, ObservationResolved) for one in life[:-1])
        assert all(one.onset_at == life[0].onset_at for one in life)
    open_now = {one.observation_id for state in memory.values() for life in state.lives for one in life.open}
    not_ended = {key for key, life in by_id.items() if not isinstance(life[-1], ObservationResolved)}
    assert open_now == not_ended
