"""A backtest over what a simulated incident left."""

from dataclasses import replace

import pytest

from processors.patterns.rules import Rules
from processors.replay.backtest.answer import Answer
from processors.replay.backtest.asked import EVERY, asked
from processors.replay.backtest.feed import SourceFeed
from processors.replay.backtest.fired import Fired
from processors.replay.backtest.labels import read_labels, written
from processors.replay.backtest.run import Sources, run
from schemas.errors import ConfigError
from schemas.events.alert import Alert
from schemas.events.observation import Observation
from tests.processors.replay.backtest.recorded import question, records, source, span

MINUTE = 60_000_000
OTHER = Rules(
    patterns={"queue_stall": {"for_s": 120.0}, "abandonment": {"enabled": False}, "swap_io_pressure": {}},
    nodes={"r1-1": {"error_burst": {"clear_s": 600.0}}},
    alerts={"zombied_engine": {"enabled": False}},
    digest="other",
)


def answered(*args: Rules, **more: object) -> Answer:
    held = source()
    return run(question(*args, **more), Sources(lambda: held, lambda: SourceFeed(held)))  # type: ignore[arg-type]


def said(since: int = 0, until: int = 1 << 62) -> set[tuple[str, str]]:
    """(kind, id) of everything that was told live."""
    return {
        ("pattern", one.event.pattern) if isinstance(one.event, Observation) else ("alert", one.event.alert)
        for one in records()
        if isinstance(one.event, Observation | Alert) and since <= one.arrived_at < until
    }


def told(fired: tuple[Fired, ...]) -> set[tuple[str, int, int, int | None]]:
    return {(one.told_id, one.onset_at, one.opened_at, one.ended_at) for one in fired}


def test_the_rules_that_were_in_force_give_what_was_recorded() -> None:
    answer = answered()
    assert answer.recorded is not None
    assert (answer.recorded.only_recorded, answer.recorded.only_judged) == (0, 0)
    assert answer.recorded.same == len(answer.new.fired) >= 5
    assert {(one.kind, one.id) for one in answer.new.fired} == said()
    assert {kind for kind, _ in said()} == {"pattern", "alert"}


@pytest.mark.parametrize("minutes", range(9, 34, 2))
def test_so_they_do_from_any_moment_on(minutes: int) -> None:
    """The beginning may lie before, while and after anything is pending, open or ending."""
    first, last = span()
    since = first + minutes * MINUTE
    answer = answered(since=since, until=last, asked=asked(EVERY.patterns, ()))
    assert answer.recorded is not None
    assert (answer.recorded.only_recorded, answer.recorded.only_judged) == (0, 0)


def test_other_rules_are_held_against_those_of_before() -> None:
    answer = answered(OTHER, Rules())
    diff, old = answer.diff, answer.old
    assert diff is not None
    assert old is not None
    assert told(old.fired) == told(answered().new.fired)
    assert {(one.id, one.node) for one in diff.lost} == {("abandonment", "r2-2"), ("zombied_engine", "r2-2")}
    assert [pair.new.id for pair in diff.moved] == ["queue_stall"]
    assert diff.moved[0].onset_s == 0.0
    assert diff.moved[0].opened_s == pytest.approx(120.0, abs=11.0)
    # Its end waits so long for the trouble to come back that the second burst is the same one.
    assert [pair.new.node for pair in diff.ended_otherwise if pair.new.id == "error_burst"] == ["r1-1"]


def test_only_what_differs_is_judged_and_comes_out_the_same() -> None:
    both = [answered(OTHER, Rules(), asked=which) for which in (EVERY, asked(["queue_stall"], []))]
    whole, part = ({one for one in each.new.fired if one.id == "queue_stall"} for each in both)
    assert whole == part
    assert {one.id for one in both[1].new.fired} == {"queue_stall"}


def test_an_alert_about_several_nodes_sees_what_the_tried_rules_opened() -> None:
    """From recorded summaries with what the rules opened put in, or with nothing replaced: the same."""
    whole = answered(asked=EVERY).new.fired
    narrow = answered(asked=asked(["error_burst", "queue_stall"], EVERY.alerts)).new.fired
    assert told(tuple(one for one in whole if one.kind == "alert")) == told(
        tuple(one for one in narrow if one.kind == "alert")
    )


def test_some_nodes_alone() -> None:
    answer = answered(OTHER, Rules(), nodes=("r2-2",))
    assert answer.nodes == 1
    assert {one.node for one in answer.new.fired if one.kind == "pattern"} == {"r2-2"}


def test_no_range_no_answer() -> None:
    first, last = span()
    with pytest.raises(ConfigError, match="the range is empty"):
        answered(since=last, until=last)
    with pytest.raises(ConfigError, match=r"has panes from .* and none from"):
        answered(since=last + MINUTE * 60, until=last + MINUTE * 120)
    with pytest.raises(ConfigError, match=f"is not there; begin at {written(first)}"):
        answered(since=first - 60 * MINUTE, until=last)
    late = answered(since=first, until=last + 60 * MINUTE, asked=asked(["thermal_drain"], []))
    assert "the end of the range" in late.notes[0]


def test_labels_give_precision_recall_and_lead_time() -> None:
    first, last = span()
    stalled = next(one for one in answered().new.fired if one.id == "queue_stall")
    at_s = (stalled.told_at - first) / 1e6
    value = {
        "expect": [
            {"pattern": "queue_stall", "node": "r2-2", "opens": f"{at_s - 60}s..{at_s + 30}s"},
            {"pattern": "queue_stall", "node": "r1-1", "opens": "5m..10m"},
        ],
        "allow": [{"pattern": "abandonment"}],
    }
    labels = read_labels(value, "labels.yaml", first, last)
    which = asked(["queue_stall", "abandonment"], [])
    answer = answered(asked=which, labels=labels)
    counts = answer.new.counts
    assert counts is not None
    assert (counts.true_positives, counts.false_positives, counts.false_negatives) == (1, 0, 1)
    assert counts.recall == 0.5
    assert answer.new.lead_s == pytest.approx(30.0, abs=0.01)
    noticed = [replace(labels.expect[0], noticed_s=at_s + 120), labels.expect[1]]
    marked = replace(labels, expect=tuple(noticed))
    assert answered(asked=which, labels=marked).new.lead_s == pytest.approx(120.0, abs=0.01)
