"""Judged again from what live stages left behind, an observation and an alert are told as they were."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from processors.patterns.catalog import PATTERNS
from processors.patterns.rules import Rules, kinds_of, parse
from processors.replay.explain.asked import explained
from processors.replay.explain.explain import explain
from processors.replay.explain.explanation import Explanation, Said
from processors.replay.explain.folded import Folded, is_of_facts
from processors.replay.explain.found import find, id_of, what_of
from processors.replay.explain.plain import plain
from processors.replay.source import FOREVER
from processors.stage import Stage
from processors.topology import stages_of
from schemas.errors import RefusedError
from schemas.events.observation import Observation
from schemas.log_file import LogRecord
from schemas.topics import ALERTS, OBSERVATIONS, PANES, REQUESTS, SUMMARIES, TELEMETRY
from tests.processors.replay.recorded import ListSource, Live, facts


def stages() -> Sequence[Stage[Any]]:
    return stages_of(1.0, Rules())


@pytest.fixture(scope="module")
def live() -> Live:
    return Live(stages()).run(facts("14m"))


@pytest.fixture(scope="module")
def ids(live: Live) -> dict[str, str]:
    """The id of the first of each pattern and alert."""
    found: dict[str, str] = {}
    for record in live.log:
        if record.topic in (OBSERVATIONS.name, ALERTS.name):
            event = live.codec.decode(record.value)
            if hasattr(event, "onset_at"):
                found.setdefault(what_of(event), id_of(event))  # type: ignore[arg-type]
    return found


@pytest.fixture(scope="module")
def swap(live: Live, ids: dict[str, str]) -> Explanation:
    source = live.source()
    return explain(source, find(source, ids["swap_io_pressure"]), Rules(), live.log[-1].arrived_at)


def without(live: Live, *topics: str, before: int = FOREVER) -> ListSource:
    kept = (one for one in live.log if one.topic not in topics or one.arrived_at >= before)
    return ListSource(live.codec, kept)


def test_an_observation_is_told_again_as_it_was_with_what_an_operator_did(swap: Explanation) -> None:
    assert (swap.agrees, swap.differences, swap.missing) == (True, [], [])
    changes = [type(one.event).__name__ for one in swap.said]
    assert changes[0] == "ObservationOpened"
    assert changes[-1] == "ObservationResolved"
    assert "operator" in {one.event.reason for one in swap.said}, "somebody acknowledged it"


def test_each_judgement_is_there_with_value_and_threshold(swap: Explanation) -> None:
    times = [point.at for point in swap.points]
    assert times == sorted(set(times))
    assert {after - before for before, after in pairwise(times)} == {10_000_000}
    opened, over = swap.first, swap.last
    assert times[0] <= opened.onset_at - 200_000_000
    assert times[-1] >= over.occurred_at
    at_opening = next(point for point in swap.points if point.at == opened.occurred_at)
    assert (at_opening.holds, at_opening.open) == (True, True)
    assert repr(at_opening.evidence) == repr(opened.evidence)
    assert [point.open for point in swap.points if point.at == over.occurred_at] == [False]
    evidence = [one for point in swap.points for one in point.evidence]
    share = [one for one in evidence if one.name == "share_of_time"]
    assert max(one.value for one in share) > 0.7 > share[-1].value
    assert {one.threshold for one in share if not math.isnan(one.threshold)} == {0.7}


def test_the_records_are_named_by_their_offsets(live: Live, swap: Explanation) -> None:
    facts_ = {stretch.what: stretch for stretch in swap.facts}
    opened = swap.first
    assert isinstance(opened, Observation)
    panes = facts_["panes of the window that opened it"]
    wanted = [
        (record.partition, record.offset)
        for record in live.log
        if record.topic == PANES.name
        and record.key == opened.node_id
        and type(event := live.codec.decode(record.value)).__name__ == "NodePane"
        and opened.window_started_at <= event.started_at < opened.occurred_at  # type: ignore[union-attr]
    ]
    assert (panes.first_offset, panes.last_offset, panes.records) == (
        wanted[0][1],
        wanted[-1][1],
        len(wanted),
    )
    assert panes.partition == wanted[0][0]
    samples = facts_["samples of these panes"]
    assert (samples.topic, samples.records) == (TELEMETRY.name, 10 * len(wanted))
    assert {stretch.topic for stretch in swap.facts if "requests" in stretch.what} == {
        PANES.name,
        REQUESTS.name,
    }


def test_the_command_replays_the_node_from_before_its_onset(swap: Explanation) -> None:
    asked = dict(zip(swap.replay[::2], swap.replay[1::2], strict=True))
    assert asked["--node"] == "node-1"
    assert asked["--stages"] == "node,request,pattern"
    assert asked["--from"] < asked["--to"]


def test_an_alert_is_told_again_as_it_was(live: Live, ids: dict[str, str]) -> None:
    source = live.source()
    found = explain(source, find(source, ids["oom_warning"]), Rules(), live.log[-1].arrived_at)
    assert (found.agrees, found.differences, found.missing) == (True, [], [])
    assert {point.holds for point in found.points} == {True, False}
    assert found.points[-1].open is False
    assert found.facts[0].topic == SUMMARIES.name
    assert list(found.replay[-2:]) == ["--fleet", found.fleet]


def test_thresholds_come_from_the_nearest_table_of_the_file(live: Live, ids: dict[str, str]) -> None:
    text = """
[patterns.swap_io_pressure]
share_min = 0.8
known_min = 0.5
[nodes."node-1".patterns.swap_io_pressure]
share_min = 0.9
"""
    rules = parse(text, "rules.toml", kinds_of(PATTERNS), {})
    source = live.source()
    found = explain(source, find(source, ids["swap_io_pressure"]), rules, live.log[-1].arrived_at)
    places = {limit.name: (limit.value, limit.place) for limit in found.limits}
    assert places["share_min"] == (0.9, 'nodes."node-1".patterns.swap_io_pressure')
    assert places["known_min"] == (0.5, "patterns.swap_io_pressure")
    assert places["critical_min"][1] == ""
    assert places["clear_s"] == (60.0, "")
    assert found.rules_then != found.rules_now
    assert found.agrees is False, "by other thresholds it is told otherwise, and the explanation says so"


def test_expired_samples_are_missing_and_the_rest_is_shown(live: Live, ids: dict[str, str]) -> None:
    source = without(live, TELEMETRY.name)
    found = explain(source, find(source, ids["swap_io_pressure"]), Rules(), live.log[-1].arrived_at)
    assert found.agrees is True
    assert found.missing == ["samples of these panes: a list has none of them"]


def test_what_has_just_been_told_may_not_be_there_yet(live: Live, ids: dict[str, str]) -> None:
    source = without(live, TELEMETRY.name, PANES.name, REQUESTS.name)
    said = find(source, ids["swap_io_pressure"])
    found = explain(source, said, Rules(), said[-1].arrived_at + 5_000_000)
    assert "a list has none of them yet: ask again in a moment" in found.missing[0]


def test_expired_panes_leave_what_was_told(live: Live, ids: dict[str, str]) -> None:
    source = without(live, TELEMETRY.name, PANES.name, REQUESTS.name)
    found = explain(source, find(source, ids["swap_io_pressure"]), Rules(), live.log[-1].arrived_at)
    assert (found.agrees, list(found.points)) == (None, [])
    assert len(found.missing) == 3
    assert found.said[0].event.evidence
    assert plain(found)["points"] == []


def test_an_opening_that_expired_is_said_to_be_missing(live: Live, swap: Explanation) -> None:
    found = explain(live.source(), swap.said[1:], Rules(), live.log[-1].arrived_at)
    assert found.missing[0].startswith("how it opened")
    assert found.said[0].event.revision == 1


def test_a_pattern_of_another_version_is_explained_as_far_as_it_goes(live: Live, swap: Explanation) -> None:
    said = [Said(one.event._replace(pattern="removed"), *one[1:]) for one in swap.said]  # type: ignore[call-arg]
    found = explain(live.source(), said, Rules(), live.log[-1].arrived_at)
    assert found.missing == ["its judgement: this version knows no removed"]
    assert (found.agrees, found.title) == (None, "removed")


def test_one_that_is_open_is_shown_until_now(live: Live, swap: Explanation) -> None:
    now = swap.first.occurred_at + 60_000_000
    found = explain(live.source(), swap.said[:1], Rules(), now)
    assert found.points[-1].open
    assert found.points[-1].at <= now
    assert plain(found)["ended_at"] is None


def test_an_id_may_be_short_and_must_be_known(live: Live, ids: dict[str, str]) -> None:
    source = live.source()
    whole = ids["swap_io_pressure"]
    assert {id_of(one.event) for one in find(source, whole[:8])} == {whole}
    with pytest.raises(RefusedError, match="too short"):
        find(source, "a")
    with pytest.raises(RefusedError, match=r"begins with ffffffff-0000; there are .*swap_io_pressure"):
        find(source, "ffffffff-0000")


def test_a_log_of_facts_alone_is_folded(live: Live) -> None:
    source = without(live, PANES.name, OBSERVATIONS.name, SUMMARIES.name, ALERTS.name)
    assert is_of_facts(source)
    folded = Folded(source, stages)
    first = next(
        event
        for record in folded.read([OBSERVATIONS], 0, FOREVER)
        if isinstance(event := source.codec().decode(record.value), Observation)
    )
    found = explained(source, first.observation_id, Rules(), stages)
    assert (found["recorded"], found["agrees"], found["missing"]) == (False, True, [])
    assert found["facts"][0]["records"] > 5
    assert {each["topic"] for each in found["facts"]} >= {"panes", "telemetry"}


def test_what_is_folded_is_numbered_the_same_however_it_is_read(live: Live) -> None:
    folded = Folded(without(live, PANES.name, OBSERVATIONS.name, SUMMARIES.name, ALERTS.name), stages)

    def panes(*topics: Any, keys: Sequence[str] = ()) -> list[LogRecord]:
        until = live.log[0].arrived_at + 120_000_000
        found = folded.read(topics, 0, until, keys)
        return [one for one in found if one.topic == PANES.name and one.key == "node-1"]

    assert panes(PANES) == panes(PANES, OBSERVATIONS, keys=["node-1"])
    assert panes(PANES)
