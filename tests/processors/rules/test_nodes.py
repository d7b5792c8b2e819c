"""Rules about node states, worked by hand at the boundaries of every option."""

import pytest

from schemas.rule_fields import fields_of
from schemas.topics import NODE_STATES
from tests.processors.rules.world import NAN, Feed, mark, rule, state, tagged, told, when


def wes(feed: Feed, *values: float) -> list[tuple[int, str, str]]:
    """Feed one state a second; return the second, what was said and why."""
    found: list[tuple[int, str, str]] = []
    for second, value in enumerate(values):
        found += [(second, one.state, one.reason) for one in feed.feed(state(second, wes=value))]
    return found


@pytest.mark.parametrize(
    ("op", "values", "fires", "ends"),
    [
        (">", (5, 5.1, 5), 1, 2),
        (">=", (4.9, 5, 4.9), 1, 2),
        ("<", (5, 4.9, 5), 1, 2),
        ("<=", (5.1, 5, 5.1), 1, 2),
        ("==", (4, 5, 6), 1, 2),
        ("!=", (5, 4, 5), 1, 2),
        ("above", (5, 5.1, 5), 1, 2),
        ("below", (5, 4.9, 5), 1, 2),
    ],
)
def test_a_comparison_fires_and_ends_at_its_threshold(
    op: str, values: tuple[float, ...], fires: int, ends: int
) -> None:
    said = wes(Feed(NODE_STATES, rule("r", when=when("wes", op, 5))), *values)
    reason = "crossed" if op in ("above", "below") else "holds"
    assert said == [(fires, "firing", reason), (ends, "resolved", "cleared")]


def test_a_level_fires_where_it_is_found_and_a_crossing_only_when_it_is_crossed() -> None:
    feed = Feed(
        NODE_STATES, rule("level", when=when("wes", "<", 5)), rule("edge", when=when("wes", "below", 5))
    )
    assert told(feed.feed(state(0, wes=4))) == [("level", "firing", "holds")]
    assert told(feed.feed(state(1, wes=6))) == [("level", "resolved", "cleared")]
    assert sorted(told(feed.feed(state(2, wes=4)))) == [
        ("edge", "firing", "crossed"), ("level", "firing", "holds"),
    ]  # fmt: skip


def test_hysteresis_ends_at_the_clear_value() -> None:
    feed = Feed(NODE_STATES, rule("r", when=when("wes", "<", 5, clear_value=7)))
    assert wes(feed, 4.9, 5, 6.9, 7) == [(0, "firing", "holds"), (3, "resolved", "cleared")]


def test_no_reading_neither_fires_nor_ends_and_a_crossing_across_it_is_seen() -> None:
    feed = Feed(NODE_STATES, rule("r", when=when("wes", "below", 5)))
    assert wes(feed, 6, NAN, NAN, 4, NAN, 4, 6) == [(3, "firing", "crossed"), (6, "resolved", "cleared")]


def test_for_begins_anew_when_it_stops_holding() -> None:
    feed = Feed(NODE_STATES, rule("r", when=when("wes", "<", 5), for_s=3))
    # Holds from 1, not at 3, holds from 4: three seconds are over at 7.
    assert wes(feed, 6, 4, 4, 5, 4, 4, 4, 4) == [(7, "firing", "holds")]
    (over,) = feed.feed(state(8, wes=5))
    assert (over.state, over.onset_at) == ("resolved", state(4).occurred_at)


def test_for_waits_for_a_reading() -> None:
    feed = Feed(NODE_STATES, rule("r", when=when("wes", "<", 5), for_s=2))
    assert wes(feed, 4, 4, NAN, NAN, 4) == [(4, "firing", "holds")]


def test_a_silence_is_no_time_for_which_it_has_held() -> None:
    feed = Feed(NODE_STATES, rule("r", when=when("wes", "<", 5), for_s=60))
    assert feed.feed(state(0, wes=4), state(200, wes=4)) == []  # of two hundred seconds, thirty count
    assert feed.feed(state(229, wes=4)) == []
    assert told(feed.feed(state(230, wes=4))) == [("r", "firing", "holds")]


def test_a_clock_that_goes_back_keeps_what_has_been_waited() -> None:
    feed = Feed(NODE_STATES, rule("r", when=when("wes", "<", 5), for_s=10))
    feed.feed(state(1000, wes=4), state(1006, wes=4))
    assert feed.feed(state(100, wes=4), state(103, wes=4)) == []
    assert told(feed.feed(state(104, wes=4))) == [("r", "firing", "holds")]


def test_keep_firing_bridges_what_is_short() -> None:
    feed = Feed(NODE_STATES, rule("r", when=when("wes", "<", 5), keep_firing_for_s=3))
    assert wes(feed, 4, 6, 6, 4, 6, 6, 6, 6) == [(0, "firing", "holds"), (7, "resolved", "cleared")]


def test_a_change_of_state_is_told_with_both_and_is_over_with_the_next_reading() -> None:
    feed = Feed(NODE_STATES, rule("r", when=when("thermal_state", "changed")))
    assert feed.feed(state(0, thermal_state="serious")) == []  # first sight only stores
    (fired,) = feed.feed(state(1, thermal_state="critical"))
    assert (fired.state, fired.was, fired.now) == ("firing", "serious", "critical")
    (again,) = feed.feed(state(2, thermal_state="normal"))
    assert (again.state, again.was, again.now, again.revision) == ("updated", "critical", "normal", 1)
    (over,) = feed.feed(state(3, thermal_state="normal"))
    assert (over.state, over.reason, over.condition_id) == ("resolved", "quiet", fired.condition_id)


def test_a_state_that_is_named() -> None:
    feed = Feed(NODE_STATES, rule("r", when=when("inference_state", "!=", "live"), for_s=1))
    assert feed.feed(state(0), state(1, inference_state="idle")) == []
    assert told(feed.feed(state(2, inference_state="busy"))) == [("r", "firing", "holds")]
    assert told(feed.feed(state(3))) == [("r", "resolved", "cleared")]


def test_of_several_accelerators_the_worst_counts() -> None:
    hot = rule("hot", when=when("gpu.temperature_c", ">", 80))
    cold = rule("cold", when=when("gpu.temperature_c", "<", 40))
    feed = Feed(NODE_STATES, hot, cold)
    assert feed.feed(state(0, temperatures=(50, 60))) == []
    (one, two) = feed.feed(state(1, temperatures=(NAN, 90, 30)))
    assert {(one.rule_id, one.value), (two.rule_id, two.value)} == {("hot", 90), ("cold", 30)}


def test_selection_by_fleet_name_tag_and_model() -> None:
    feed = Feed(
        NODE_STATES,
        rule("fleet", select={"fleets": ["prod*"]}, when=when("wes", "<", 5)),
        rule("node", select={"nodes": ["n2", "gpu-*"]}, when=when("wes", "<", 5)),
        rule("tag", select={"tags": {"rack": "r?"}}, when=when("wes", "<", 5)),
        rule("model", select={"models": ["llama*"]}, when=when("wes", "<", 5)),
        tagged("n3", rack="r7"),
    )
    assert told(feed.feed(state(0, "n1", wes=1))) == []
    assert told(feed.feed(state(0, "n1", wes=1, fleet="prod-eu"))) == [("fleet", "firing", "holds")]
    assert told(feed.feed(state(0, "gpu-9", wes=1))) == [("node", "firing", "holds")]
    assert told(feed.feed(state(0, "n3", wes=1))) == [("tag", "firing", "holds")]
    assert told(feed.feed(state(0, "n4", wes=1, models=("llama-3",)))) == [("model", "firing", "holds")]
    assert told(feed.feed(state(1, "n4", wes=1, models=("qwen",)))) == [("model", "resolved", "unselected")]
    assert told(feed.feed(tagged("n3", rack="other"), state(1, "n3", wes=1))) == [
        ("tag", "resolved", "unselected")
    ]


def test_a_node_that_is_silent_ends_what_it_fired_and_is_judged_anew_when_it_is_back() -> None:
    feed = Feed(NODE_STATES, rule("r", when=when("wes", "<", 5)), mark(0))
    feed.feed(state(1, wes=4))
    silent = [feed.feed(mark(second)) for second in range(5, 300, 5)]
    assert not any(silent)
    assert told(feed.feed(mark(300))) == [("r", "resolved", "node_gone")]
    assert told(feed.feed(state(400, wes=4))) == [("r", "firing", "holds")]


def test_an_outage_of_the_log_is_no_silence() -> None:
    feed = Feed(NODE_STATES, rule("r", when=when("wes", "<", 5)), mark(0))
    feed.feed(state(1, wes=4), mark(5))
    assert feed.feed(mark(3600)) == []


def test_what_is_told_says_what_caused_it() -> None:
    message = "{node} of {fleet}: {field} {op} {threshold}, is {value}"
    feed = Feed(
        NODE_STATES, rule("r", when=when("wes", "<", 5), message=message, severity="critical", name="Slow")
    )
    (one,) = feed.feed(state(7, wes=4.25))
    assert one.text == "n1 of default: wes < 5, is 4.25"
    assert (one.rule_name, one.severity, one.cause_id, one.subject) == ("Slow", "critical", "n1@7", "n1")
    assert (one.value, one.threshold, one.arrived_at) == (4.25, 5.0, state(7).arrived_at)


@pytest.mark.parametrize("field", sorted(fields_of("node-states")))
def test_every_field_that_is_documented_can_be_read(field: str) -> None:
    known = fields_of("node-states")[field]
    condition = when(field, "!=", known.symbols[0]) if known.kind == "text" else when(field, ">", 1e300)
    feed = Feed(NODE_STATES, rule("r", when=condition))
    feed.feed(state(0, temperatures=(50,), models=("m",)), state(1))
