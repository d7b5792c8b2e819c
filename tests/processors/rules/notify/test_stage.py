"""What is told when, worked by hand for every option."""

import pytest

from processors.rules.notify.stage import MOST_CONDITIONS
from processors.stage import Rejected
from schemas.events.rule_changed import RuleChanged
from tests.processors.rules.notify.world import CHANNELS, Feed, condition, kinds, offline, told_by
from tests.processors.rules.world import deleted, mark, rule, when
from tests.samples import at


def test_a_condition_opens_and_resolves_one_group_at_once() -> None:
    feed = Feed(told_by())
    (opened,) = feed.feed(condition(10, "firing", value=4.0))
    assert (opened.kind, opened.revision, opened.channels, opened.nodes) == ("opened", 0, CHANNELS, ("n1",))
    assert (opened.title, opened.text) == ("[warning] r: n1", "n1 is slow")
    assert (opened.fact_arrived_at, opened.deferred_s, opened.deferred_by) == (at(10), 0.0, "")
    (over,) = feed.feed(condition(20, "resolved", onset=10))
    assert (over.kind, over.revision, over.channels) == ("resolved", 1, CHANNELS)
    assert over.group_id == opened.group_id
    assert [one.state for one in over.conditions] == ["resolved"]


def test_a_second_time_is_another_group() -> None:
    feed = Feed(told_by())
    first = feed.feed(condition(10, "firing"), condition(20, "resolved", onset=10))
    second = feed.feed(condition(30, "firing"), condition(40, "resolved", onset=30))
    assert len({one.id for one in first + second}) == 4
    assert len({one.group_id for one in first + second}) == 2


def test_cooldown_defers_what_still_fires() -> None:
    feed = Feed(told_by(cooldown_s=60))
    feed.feed(condition(10, "firing"), condition(20, "resolved", onset=10))
    assert feed.feed(condition(30, "firing")) == []
    assert feed.until(69.9) == []
    (opened,) = feed.until(70)
    assert (opened.kind, opened.deferred_s, opened.deferred_by) == ("opened", 40.0, "cooldown")
    assert opened.fact_arrived_at == at(70)


def test_cooldown_tells_of_what_came_and_went_in_it() -> None:
    feed = Feed(told_by(cooldown_s=60))
    feed.feed(condition(10, "firing"), condition(20, "resolved", onset=10))
    assert feed.feed(condition(30, "firing"), condition(35, "resolved", onset=30)) == []
    opened, over = feed.until(75)
    assert (opened.kind, over.kind) == ("opened", "resolved")
    assert opened.group_id == over.group_id
    assert opened.text == "n1 is slow (over: cleared)"


def test_cooldown_never_holds_a_resolve_back() -> None:
    feed = Feed(told_by(cooldown_s=600))
    said = feed.feed(condition(10, "firing"), condition(11, "resolved", onset=10))
    assert kinds(said) == ["opened", "resolved"]


def test_a_condition_after_the_cooldown_need_not_wait_for_a_watermark() -> None:
    feed = Feed(told_by(cooldown_s=60))
    feed.feed(condition(10, "firing"), condition(20, "resolved", onset=10))
    (opened,) = feed.feed(condition(70, "firing"))
    assert (opened.deferred_s, opened.fact_arrived_at) == (0.0, at(70))


def test_what_is_grouped_opens_once_and_is_over_with_the_last() -> None:
    feed = Feed(told_by(group_by=["fleet"]))
    (opened,) = feed.feed(condition(10, "firing", "n1"))
    (updated,) = feed.feed(condition(11, "firing", "n2", severity="critical"))
    assert (updated.kind, updated.nodes, updated.severity) == ("updated", ("n1", "n2"), "critical")
    (fewer,) = feed.feed(condition(12, "resolved", "n1", onset=10))
    assert [(one.node_id, one.state) for one in fewer.conditions] == [("n2", "firing"), ("n1", "resolved")]
    (over,) = feed.feed(condition(13, "resolved", "n2", onset=11))
    assert over.kind == "resolved"
    assert {one.group_id for one in (opened, updated, fewer, over)} == {opened.group_id}
    assert [one.revision for one in (opened, updated, fewer, over)] == [0, 1, 2, 3]


def test_group_wait_collects_and_tells_together() -> None:
    feed = Feed(told_by(group_by=["fleet"], group_wait_s=10))
    assert feed.feed(condition(10, "firing", "n2"), condition(12, "firing", "n1")) == []
    assert feed.feed(condition(15, "resolved", "n1", onset=12)) == []
    (opened,) = feed.until(20)
    assert (opened.nodes, opened.deferred_by, opened.deferred_s) == (("n1", "n2"), "group", 10.0)
    assert [one.state for one in opened.conditions] == ["firing", "resolved"]


def test_updates_wait_for_the_cooldown_and_tell_the_newest() -> None:
    feed = Feed(told_by(group_by=["fleet"], cooldown_s=30))
    feed.feed(condition(10, "firing", "n1"))
    assert feed.feed(condition(11, "firing", "n2"), condition(12, "firing", "n3")) == []
    (updated,) = feed.until(41)
    assert (updated.kind, updated.nodes, updated.deferred_by) == ("updated", ("n1", "n2", "n3"), "cooldown")


def test_reminders_come_until_it_is_over_and_not_in_a_burst_after_an_outage() -> None:
    feed = Feed(told_by(repeat_s=60))
    feed.feed(condition(10, "firing"))
    assert feed.until(69) == []
    assert kinds(feed.until(70)) == ["reminder"]
    assert kinds(feed.until(130)) == ["reminder"]
    assert kinds(feed.until(1000)) == ["reminder"]
    assert kinds(feed.feed(condition(1001, "resolved", onset=10))) == ["resolved"]
    assert feed.until(2000) == []


# T0 of the samples is 04:40 UTC on a Friday.
def test_quiet_hours_open_nothing_and_hold_no_resolve_back() -> None:
    feed = Feed(told_by(quiet_hours=[{"from": "04:41", "to": "04:50"}]))
    assert kinds(feed.feed(condition(10, "firing", "n1"))) == ["opened"]
    assert feed.feed(condition(90, "firing", "n2")) == []
    assert kinds(feed.feed(condition(100, "resolved", "n1", onset=10))) == ["resolved"]
    assert feed.feed(condition(200, "firing", "n3"), condition(210, "resolved", "n3", onset=200)) == []
    assert feed.until(599) == []
    (opened,) = feed.until(600)
    assert (opened.nodes, opened.deferred_by, opened.deferred_s) == (("n2",), "quiet_hours", 510.0)


def test_while_a_node_is_offline_what_else_is_about_it_waits() -> None:
    feed = Feed(told_by())
    assert feed.feed(offline(10, "firing"), condition(11, "firing", "n1")) == []
    assert kinds(feed.feed(condition(11, "firing", "n2"))) == ["opened"]
    (opened,) = feed.feed(offline(60, "resolved", onset=10))
    assert (opened.nodes, opened.deferred_by, opened.deferred_s) == (("n1",), "inhibited", 49.0)


def test_what_is_over_while_it_is_inhibited_is_not_told() -> None:
    feed = Feed(told_by())
    feed.feed(offline(10, "firing"), condition(11, "firing"), condition(12, "resolved", onset=11))
    assert feed.feed(offline(60, "resolved", onset=10)) == []
    assert feed.until(1000) == []


def test_a_rule_about_the_node_being_offline_does_not_wait_for_itself() -> None:
    feed = Feed(told_by())
    labels = offline(0, "firing").labels
    assert kinds(feed.feed(offline(10, "firing"), condition(10, "firing", labels=labels))) == ["opened"]


def test_a_rule_waits_for_those_that_it_names() -> None:
    feed = Feed(told_by("cause"), told_by("effect", inhibited_by=["cause"]))
    first = feed.feed(condition(10, "firing", rule_id="cause"), condition(11, "firing", rule_id="effect"))
    assert [one.rule_id for one in first] == ["cause"]
    after = feed.feed(condition(20, "resolved", rule_id="cause", onset=10))
    assert [(one.rule_id, one.kind) for one in after] == [("cause", "resolved"), ("effect", "opened")]


def test_what_was_told_stays_told_when_it_is_inhibited_later() -> None:
    feed = Feed(told_by())
    feed.feed(condition(10, "firing"), offline(11, "firing"))
    assert kinds(feed.feed(condition(12, "resolved", onset=10))) == ["resolved"]


@pytest.mark.parametrize("change", [deleted("r", 2), told_by("r", 2, channels=["other"])])
def test_a_resolve_goes_to_those_who_were_told_whatever_became_of_the_rule(change: RuleChanged) -> None:
    feed = Feed(told_by())
    feed.feed(condition(10, "firing"), change)
    (over,) = feed.feed(condition(12, "resolved", onset=10, reason="rule_deleted"))
    assert (over.kind, over.channels) == ("resolved", CHANNELS)


def test_a_rule_that_is_deleted_before_anybody_was_told_tells_nobody() -> None:
    feed = Feed(told_by(group_wait_s=60))
    feed.feed(condition(10, "firing"), deleted("r", 2))
    assert feed.feed(condition(12, "resolved", onset=10)) == []
    assert feed.until(1000) == []
    assert not feed.states["rules"].groups


def test_a_shorter_wait_counts_at_once() -> None:
    feed = Feed(told_by(group_wait_s=3600), mark(0))
    feed.feed(condition(10, "firing"), mark(20))
    assert kinds(feed.feed(told_by("r", 2, group_wait_s=5))) == ["opened"]


def test_what_is_no_rule_is_one_dead_letter_and_harms_no_other() -> None:
    bad = RuleChanged("x", at(0), "bad", 1, False, "eve", '{"id": "bad", "source": "alerts", "unknown": 1}')
    feed = Feed(told_by(), bad, bad)
    (letter,) = [one for one in feed.said if isinstance(one, Rejected)]
    assert letter.detail == "the rule bad: unknown: Extra inputs are not permitted"
    assert kinds(feed.feed(condition(10, "firing"))) == ["opened"]


def test_time_passes_when_all_partitions_have_come_so_far() -> None:
    feed = Feed(told_by(group_wait_s=10), mark(0, 0), mark(0, 1))
    feed.feed(condition(10, "firing"))
    assert feed.feed(mark(30, 0)) == []
    assert kinds(feed.feed(mark(25, 1))) == ["opened"]


def test_a_partition_that_is_late_is_not_waited_for() -> None:
    feed = Feed(told_by(group_wait_s=10), mark(0, 0), mark(0, 1))
    feed.feed(condition(10, "firing"))
    assert kinds(feed.feed(mark(121, 0))) == ["opened"]


def test_a_long_list_is_told_in_short() -> None:
    feed = Feed(told_by(group_by=[], group_wait_s=10))
    feed.feed(*(condition(10, "firing", f"n{number:03}") for number in range(120)))
    (opened,) = feed.until(20)
    assert len(opened.conditions) == 50
    assert opened.text.endswith("and 70 more")
    assert opened.title == "[warning] r: n000, n001, n002 and 117 more"


def test_what_is_over_is_forgotten() -> None:
    feed = Feed(told_by(cooldown_s=60))
    feed.feed(condition(10, "firing"), condition(20, "resolved", onset=10))
    feed.until(70)
    state = feed.states["rules"]
    assert not state.groups
    assert not state.places
    assert not state.nodes


def test_what_is_too_much_is_a_dead_letter_and_the_state_stays_a_record() -> None:
    feed = Feed(told_by(group_by=[]))
    many = [condition(10, "firing", f"node-{number}", onset=number) for number in range(MOST_CONDITIONS + 1)]
    feed.feed(*many[:2], told_by("r", 2, group_by=[], cooldown_s=3600), *many[2:])
    letters = [one for one in feed.said if isinstance(one, Rejected)]
    assert len(letters) == 1
    assert len(feed.stage.encode(feed.states["rules"])) < 1 << 20
    assert kinds(feed.feed(condition(20, "resolved", "node-5000", onset=5000))) == []


def test_rules_that_have_no_room_are_dead_letters_and_the_others_stay() -> None:
    feed = Feed(told_by())
    names = [f"node-{number:0>180}" for number in range(100)]
    feed.feed(
        *(rule(f"r{number}", when=when("wes", "<", 5), select={"nodes": names}) for number in range(200))
    )
    letters = [one.detail for one in feed.said if isinstance(one, Rejected)]
    assert letters
    assert letters[0].endswith("has no room: all rules together have 3,000,000 characters at most")
    assert kinds(feed.feed(condition(10, "firing"))) == ["opened"]
