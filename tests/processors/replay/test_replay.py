"""A replay says what was said live, whoever was ahead; and finds what differs."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from infra.score.schema_ids import schema_ids
from processors.faust.hour import Snapshot
from processors.faust.letters import Source as StageSource
from processors.faust.snapshots import events as snapshot_events
from processors.replay.compare import Verdict
from processors.replay.facts import WRITES, chosen
from processors.replay.outcome import Outcome
from processors.replay.plan import Plan
from processors.replay.prepare import Asked, Prepared, prepare
from processors.replay.replay import Replay
from processors.replay.resume import find_cuts
from processors.replay.share import Said
from processors.replay.sources.log_file import LogFileSource
from processors.stage import Stage
from processors.topology import all_stages
from producers.simulator.fact import Fact
from producers.simulator.log import log_file
from schemas.errors import RefusedError
from schemas.events.node_pane import NodePane
from schemas.events.observation import Observation, ObservationUpdated
from schemas.log_file import LogRecord
from schemas.settings import Settings
from schemas.topics import OBSERVATIONS, PANES, SNAPSHOTS, SUMMARIES, TELEMETRY
from tests.processors.replay.recorded import PARTITIONS, SECOND, ListSource, Live, facts

MINUTE = 60 * SECOND


def stages(names: Sequence[str] = ()) -> tuple[Stage[Any], ...]:
    return chosen(all_stages(Settings()), names)


@pytest.fixture(scope="module")
def live() -> Live:
    return Live(stages()).run(facts("11m"))


def replayed(
    source: ListSource, asked: Asked, names: Sequence[str] = (), **changes: Any
) -> tuple[Outcome, list[Said], Prepared]:
    prepared = prepare(source, stages(names), asked)
    plan = replace(prepared.plan, **changes)
    said: list[Said] = []
    outcome = Replay(lambda: source, partial(stages, names), plan).run(take=said.append)
    return outcome, said, prepared


def first_at(live: Live) -> int:
    return live.log[0].arrived_at


def test_a_replay_says_what_was_said_live(live: Live) -> None:
    ends = first_at(live) + 10 * MINUTE
    outcome, _, prepared = replayed(live.source(), Asked(ends=ends, compare=True))
    assert prepared.warm_up.exact
    assert outcome.verdict.differences == []
    kinds = outcome.verdict.kinds
    assert kinds[OBSERVATIONS.name, "observation_opened"].equal >= 1
    assert kinds[SUMMARIES.name, "node_summary"].equal > 100
    assert kinds[PANES.name, "request_pane"].equal > 50
    assert (outcome.unreadable, outcome.refused) == (0, [])


def test_an_operators_action_is_read_where_it_stood(live: Live) -> None:
    """Live it was read after the panes before it; by its time alone it would come a pane too late."""
    outcome, said, _ = replayed(live.source(), Asked(keep=True, compare=True))
    acted = [
        one.record.event
        for one in said
        if isinstance(one.record.event, ObservationUpdated) and one.record.event.acknowledged_by
    ]
    assert acted
    assert outcome.verdict.equal


def test_from_the_middle_it_says_the_same_as_from_the_beginning(live: Live) -> None:
    begins = first_at(live) + 6 * MINUTE
    whole, _, _ = replayed(live.source(), Asked(keep=True))
    rest, said, prepared = replayed(live.source(), Asked(begins=begins, keep=True, compare=True))
    assert prepared.warm_up.method == "beginning"
    assert all(one.order.at >= begins for one in said)
    assert 0 < rest.digest.count() < whole.digest.count()
    assert rest.verdict.equal


def test_processes_and_their_number_make_no_difference(live: Live, tmp_path: Path) -> None:
    path = tmp_path / "facts.log.avro"
    written(path, live)
    source = LogFileSource(path)
    prepared = prepare(source, stages(), Asked(ends=first_at(live) + 2 * MINUTE, keep=True))
    open_source = partial(LogFileSource, path)
    found = []
    for jobs in (1, 2):
        said: list[Said] = []
        outcome = Replay(open_source, stages, prepared.plan, jobs).run(take=said.append)
        found.append((outcome.digest.total(), [(one.order, one.record.topic.name, one.body) for one in said]))
    assert found[0] == found[1]


def written(path: Path, live: Live) -> None:
    """Write the facts of a log, as a simulation would, with the partitions that they had."""
    with log_file(path, schema_ids(), partitions=PARTITIONS, about={}) as writer:
        for record in facts("3m"):
            if record.key is not None or record.partition == 0:
                writer.write(Fact(record.topic, record.key, record.event, record.arrived_at))


def changed(live: Live, topic: str, number: int, **fields: Any) -> list[LogRecord]:
    """Return the log with one record of a topic, other than a watermark, told differently or left out."""
    of = [
        index
        for index, one in enumerate(live.log)
        if one.topic == topic and one.key and not one.key.startswith("~")
    ]
    index = of[number]
    log = list(live.log)
    if not fields:
        del log[index]
        return log
    event: Any = live.codec.decode(log[index].value)
    log[index] = log[index]._replace(value=live.codec.encode(event._replace(**fields)))
    return log


def verdict(live: Live, log: list[LogRecord]) -> Verdict:
    outcome, _, _ = replayed(ListSource(live.codec, log), Asked(compare=True))
    return outcome.verdict


def test_a_planted_difference_is_found_and_named(live: Live) -> None:
    log = changed(live, "node-states", 700, wes=12345.0)
    found = verdict(live, log)
    assert [(one.stage, one.name, one.fields()) for one in found.differences] == [
        ("node-stage", "node_state", ("wes",))
    ]
    (difference,) = found.differences
    assert difference.live is not None
    assert difference.replayed is not None
    assert difference.replayed.place.topic == TELEMETRY.name
    counts = found.kinds["node-states", "node_state"]
    assert (counts.differ, counts.only_live, counts.only_replayed) == (1, 0, 0)


def test_what_was_never_written_is_a_difference(live: Live) -> None:
    found = verdict(live, changed(live, "observations", 0))
    assert [(one.stage, one.live) for one in found.differences] == [("pattern-stage", None)]


def test_what_was_written_twice_is_a_difference(live: Live) -> None:
    again = next(one for one in reversed(live.log) if one.topic == "panes")
    found = verdict(live, [*live.log, again._replace(offset=again.offset + 1)])
    assert [(one.replayed, one.topic) for one in found.differences] == [(None, "panes")]


def test_panes_can_be_the_facts(live: Live) -> None:
    """Only the pattern stage: panes are read as they were written, actions among them."""
    outcome, _, _ = replayed(live.source(), Asked(compare=True), ["pattern"])
    assert outcome.verdict.differences == []
    assert outcome.verdict.kinds[OBSERVATIONS.name, "observation_opened"].equal >= 1
    assert "node_pane" not in {name for _, name in outcome.counts}


def test_one_node_says_what_it_says_among_others(live: Live) -> None:
    asked = Asked(nodes=frozenset({"node-1"}), compare=True, keep=True)
    outcome, said, _ = replayed(live.source(), asked, ["node", "request", "pattern"])
    assert outcome.verdict.differences == []
    panes = {one.record.event.node_id for one in said if isinstance(one.record.event, NodePane)}
    assert panes == {"node-1"}


def test_another_fleet_has_nothing_to_say(live: Live) -> None:
    outcome, _, _ = replayed(live.source(), Asked(fleet="elsewhere"))
    assert {name for _, name in outcome.counts} == {"watermark"}


def test_what_arrives_later_is_left_out_and_told_of(live: Live) -> None:
    """A node was cut off: its samples of two minutes came five minutes late."""
    ends = first_at(live) + 6 * MINUTE
    log = [delayed(live, one) for one in live.log if one.topic in ("telemetry", "requests")]
    source = ListSource(live.codec, log)
    then, _, _ = replayed(source, Asked(ends=ends, as_of=ends))
    now, _, _ = replayed(source, Asked(ends=ends, as_of=first_at(live) + 11 * MINUTE))
    assert then.late.facts > 100
    assert then.late.counts["panes", "node_pane"] >= 10
    assert now.late.facts == 0
    assert now.digest.count() > then.digest.count()


def delayed(live: Live, record: LogRecord) -> LogRecord:
    since = first_at(live) + 3 * MINUTE
    if record.key != "node-3" or not since <= record.arrived_at < since + 2 * MINUTE:
        return record
    return record._replace(arrived_at=record.arrived_at + 5 * MINUTE, offset=record.offset + 10**6)


def test_every_output_of_every_stage_is_known_as_such(live: Live) -> None:
    wrote = {(name, topic) for name, topics in WRITES.items() for topic in topics}
    assert {name for name, _ in wrote} == {stage.name for stage in stages()}
    outcome, _, _ = replayed(live.source(), Asked())
    named = {
        (topic.name, event) for topics in WRITES.values() for topic, each in topics.items() for event in each
    }
    assert set(outcome.counts) <= named


def test_states_from_snapshots_are_those_of_the_beginning(live: Live) -> None:
    """Snapshots of three minutes into the log: a replay from the ninth minute begins with them."""
    log = with_snapshots(3 * MINUTE)
    source = ListSource(live.codec, log)
    begins = first_at(live) + 9 * MINUTE
    cuts = find_cuts(source, begins, PARTITIONS)
    assert cuts is not None
    plan = Plan(begins, begins + MINUTE, cuts.since, PARTITIONS, compare=True, cuts=cuts)
    outcome = Replay(lambda: source, stages, plan).run()
    assert outcome.verdict.differences == []
    assert outcome.verdict.kinds["node-states", "node_state"].equal > 100
    assert outcome.facts < 2000


def with_snapshots(after: int) -> list[LogRecord]:
    """Return a log of eleven minutes, with the states of all keys as they were at some moment."""
    live = Live(stages())
    given = list(facts("11m"))
    until = given[0].arrived_at + after
    live.run(given, until)
    at = until - 1
    found: list[LogRecord] = []
    for (name, partition), states in live.states.items():
        stage = next(one for one in live.stages if one.name == name)
        place = StageSource(name, stage.source.name, partition)
        offset = live.offsets[stage.source.name, partition] - 1
        for key, state in states.items():
            snapshot = Snapshot(key, offset, at, 0, stage.encode(state))
            for event in snapshot_events(snapshot, place, "topic-1"):
                value = live.codec.encode(event)
                found.append(LogRecord(SNAPSHOTS.name, partition, len(found), at, key, value))
    return [*live.run(()).log, *found]


@pytest.mark.parametrize("minutes", [-300, 300])
def test_a_range_without_data_is_refused(live: Live, minutes: int) -> None:
    begins = first_at(live) + minutes * MINUTE
    with pytest.raises(
        RefusedError, match=r"it has telemetry, requests, panes, .*firings from 2026-01-12T12:00"
    ):
        prepare(live.source(), stages(), Asked(begins=begins, ends=begins + MINUTE))


def test_half_a_range_outside_is_said(live: Live) -> None:
    first = first_at(live)
    prepared = prepare(live.source(), stages(), Asked(begins=first - 5 * MINUTE, ends=first + MINUTE))
    assert prepared.plan.begins == first
    assert prepared.notes == (
        "2026-01-12T11:55:00Z to 2026-01-12T12:00:00Z is not there: a list begins later",
    )


def test_what_is_open_is_warmed_up_from_before_its_onset(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processors.replay.warmup.BEGINNING_US", 0)
    events = [live.codec.decode(one.value) for one in live.log if one.topic == "observations"]
    opened = next(one for one in events if isinstance(one, Observation))
    begins = opened.occurred_at + SECOND
    prepared = prepare(live.source(), stages(), Asked(begins=begins))
    assert prepared.warm_up.method == "windows"
    assert not prepared.warm_up.exact
    assert prepared.plan.since <= opened.onset_at
