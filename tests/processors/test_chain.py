"""Stages in one process: outputs reach the stages that read them, in the partitions of a worker."""

from processors.chain import Chain, Record
from processors.node.stage import NodeStage
from processors.patterns.stage import PatternStage
from processors.patterns.thermal_drain import PATTERN
from processors.requests.stage import RequestStage
from processors.stage import Arrived, advance
from schemas.topics import NODE_STATES, OBSERVATIONS, PANES, SUMMARIES, TELEMETRY
from tests.samples import at, sample, tick


def records(seconds: int) -> list[Record]:
    found = []
    for second in range(seconds):
        if second % 5 == 0:
            found += [Record(TELEMETRY, part, None, tick(second), at(second)) for part in range(2)]
        found.append(Record(TELEMETRY, 1, "n1", sample(second, node_id="n1"), at(second)))
    return found


def test_a_stage_alone_gives_what_advance_gives() -> None:
    chain, states, stage = Chain([NodeStage()], 2), {}, NodeStage()  # type: ignore[var-annotated]
    for record in records(60):
        if record.partition != 1:
            continue
        outputs = advance(states, stage, Arrived(record.event, record.arrived_at, 1))
        found = chain.feed(record)
        assert [repr(one.event) for one in found] == [repr(one.event) for one in outputs]  # type: ignore[union-attr]
        assert all(one.arrived_at == record.arrived_at for one in found)
    assert set(chain.states(stage, 1)) == {"n1"}


def test_outputs_go_on_to_the_stages_that_read_them() -> None:
    chain = Chain([NodeStage(), RequestStage(), PatternStage([PATTERN])], 2)
    outputs = [output for record in records(60) for output in chain.feed(record)]
    topics = {output.topic.name for output in outputs}
    assert topics == {NODE_STATES.name, PANES.name, SUMMARIES.name, OBSERVATIONS.name}
    assert {output.partition for output in outputs if output.topic is PANES and output.key} == {1}
    assert {output.partition for output in outputs if output.topic is SUMMARIES} == {0}
    assert not chain.refused


def test_what_a_stage_cannot_use_is_kept_apart() -> None:
    chain = Chain([NodeStage()])
    future = Record(TELEMETRY, 0, "n1", sample(0, occurred_at=at(1000)), at(0))
    assert chain.feed(future) == []
    (refused,) = chain.refused
    assert (refused.record, refused.stage, refused.why.reason) == (future, "node-stage", "implausible_time")


def test_a_topic_that_no_stage_reads_leads_nowhere() -> None:
    chain = Chain([PatternStage([PATTERN])])
    assert not chain.reads(TELEMETRY)
    assert chain.reads(PANES)
    assert chain.feed(Record(TELEMETRY, 0, "n1", sample(), at(0))) == []
