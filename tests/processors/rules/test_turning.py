"""Rules that come, change and go while they fire, and events that are no rules."""

from processors.rules.state import MOST_LIVES
from processors.stage import Output, Rejected
from schemas.events.rule_changed import RuleChanged
from schemas.topics import NODE_STATES
from tests.processors.rules.world import Feed, deleted, rule, state, told, when

SLOW = when("wes", "<", 5)


def firing() -> Feed:
    feed = Feed(NODE_STATES, rule("r", when=SLOW))
    assert told(feed.feed(state(0, wes=4))) == [("r", "firing", "holds")]
    return feed


def test_a_rule_that_is_deleted_while_it_fires_is_resolved() -> None:
    feed = firing()
    assert told(feed.feed(deleted("r", 2))) == [("r", "resolved", "rule_deleted")]
    assert feed.feed(state(1, wes=6), state(2, wes=4)) == []


def test_a_rule_that_is_disabled_while_it_fires_is_resolved() -> None:
    feed = firing()
    assert told(feed.feed(rule("r", 2, when=SLOW, enabled=False))) == [("r", "resolved", "rule_disabled")]
    assert feed.feed(state(1, wes=4)) == []
    assert told(feed.feed(rule("r", 3, when=SLOW), state(2, wes=4))) == [("r", "firing", "holds")]


def test_a_rule_that_judges_otherwise_is_resolved_and_judged_anew() -> None:
    feed = firing()
    assert told(feed.feed(rule("r", 2, when=when("wes", "<", 4.5)))) == [("r", "resolved", "rule_changed")]
    (one,) = feed.feed(state(1, wes=4))
    assert (one.state, one.rule_revision) == ("firing", 2)


def test_a_rule_that_is_only_told_otherwise_goes_on() -> None:
    feed = firing()
    assert feed.feed(rule("r", 2, when=SLOW, message="slow", notify={"channels": ["ops"]})) == []
    assert told(feed.feed(state(1, wes=6))) == [("r", "resolved", "cleared")]


def test_a_rule_that_moves_to_another_source_is_resolved() -> None:
    feed = firing()
    moved = rule("r", 2, source="alerts")
    assert told(feed.feed(moved)) == [("r", "resolved", "rule_changed")]


def test_copies_and_older_revisions_change_nothing() -> None:
    feed = firing()
    feed.feed(rule("r", 3, when=SLOW))
    assert feed.feed(rule("r", 3, when=SLOW), rule("r", 2, when=when("wes", "<", 1))) == []
    assert told(feed.feed(deleted("r", 4))) == [("r", "resolved", "rule_deleted")]
    assert feed.feed(rule("r", 3, when=SLOW), state(2, wes=4)) == []


def test_each_revision_goes_on_to_those_who_tell_once() -> None:
    feed = Feed(NODE_STATES, rule("r", when=SLOW), rule("r", when=SLOW), rule("x", source="alerts"))
    on = [one.event for one in feed.said if isinstance(one, Output)]
    assert [(one.rule_id, one.revision) for one in on if isinstance(one, RuleChanged)] == [("r", 1), ("x", 1)]


def test_what_is_no_rule_leaves_the_one_before_in_force_and_harms_no_other() -> None:
    feed = firing()
    bad = RuleChanged(
        "b", 0, "r", 2, False, "eve", '{"id": "r", "source": "node-states", "when": {"value": "x"}}'
    )
    other = bad._replace(rule_id="other", rule="{")
    assert feed.feed(bad, other) == []
    assert told(feed.feed(state(1, wes=6))) == [("r", "resolved", "cleared")]
    feed.restart()
    assert told(feed.feed(state(2, wes=4))) == [("r", "firing", "holds")]


def test_a_rule_about_what_is_known_already_needs_no_change_to_fire() -> None:
    feed = Feed(NODE_STATES, rule("a", when=SLOW))
    feed.feed(state(0, wes=4))
    feed.feed(rule("b", when=when("wes", "<", 4.5)), rule("c", when=when("wes", "below", 4.5)))
    assert told(feed.feed(state(1, wes=4))) == [("b", "firing", "holds")]


def test_what_finds_no_room_begins_when_something_ends_and_one_letter_says_so() -> None:
    nodes = [f"n{number:04}" for number in range(MOST_LIVES + 2)]
    feed = Feed(NODE_STATES, rule("r", when=SLOW))
    assert len(feed.feed(*(state(0, node, wes=4) for node in nodes))) == MOST_LIVES
    letters = [one for one in feed.said if isinstance(one, Rejected)]
    assert [one.reason for one in letters] == ["rejected"]
    assert feed.feed(state(1, nodes[-1], wes=4)) == []
    raw = feed.stage.encode(feed.states["rules"])
    assert len(raw) < 1 << 20
    feed.restart()
    assert told(feed.feed(state(1, nodes[0], wes=9))) == [("r", "resolved", "cleared")]
    assert told(feed.feed(state(2, nodes[-1], wes=4))) == [("r", "firing", "holds")]
    assert feed.feed(state(2, nodes[-2], wes=4)) == []
