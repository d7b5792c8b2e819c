"""Whatever comes in whatever order: nobody is told twice that it opened, and everybody that it is over."""

from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events.notification_due import NotificationDue
from tests.processors.rules.notify.world import Feed, condition, offline, told_by
from tests.processors.rules.world import deleted, mark

NODES = ("n1", "n2", "n3")
RULES = ("a", "b")
OPTIONS = st.fixed_dictionaries(
    {
        "cooldown_s": st.sampled_from((0, 5, 20)),
        "group_wait_s": st.sampled_from((0, 0, 4)),
        "group_by": st.sampled_from(([], ["node"], ["fleet", "node"])),
        "repeat_s": st.sampled_from((0, 60)),
        "inhibited_by": st.sampled_from(([], ["a"])),
    }
)


@st.composite
def streams(draw: st.DrawFn) -> list[Any]:
    """Yield rules, then conditions that begin and end, nodes that go offline, and time."""
    events: list[Any] = [_ruled(rule_id, 1, draw(OPTIONS)) for rule_id in RULES]
    open_: dict[tuple[str, str], float] = {}
    second, revision = 0.0, 1
    for _ in range(draw(st.integers(1, 30))):
        second += draw(st.sampled_from((0.5, 1, 3, 10, 70)))
        kind = draw(st.integers(0, 9))
        if kind == 0:
            events.append(mark(second))
        elif kind == 1:
            revision += 1
            events.append(_ruled(draw(st.sampled_from(RULES)), revision, draw(OPTIONS)))
        else:
            rule_id = draw(st.sampled_from((*RULES, "~offline")))
            node = draw(st.sampled_from(NODES))
            events.append(_turned(open_, rule_id, node, second))
    events += [_turned(open_, *place, second + 1) for place in sorted(open_)]
    return [*events, mark(second + 1000)]


def _ruled(rule_id: str, revision: int, options: dict[str, Any]) -> Any:
    return told_by(rule_id, revision, **options)


def _turned(open_: dict[tuple[str, str], float], rule_id: str, node: str, second: float) -> Any:
    onset = open_.pop((rule_id, node), None)
    state: Any = "firing" if onset is None else "resolved"
    if onset is None:
        onset = open_[rule_id, node] = second
    make: Any = offline if rule_id == "~offline" else condition
    more = {} if rule_id == "~offline" else {"rule_id": rule_id}
    return make(second, state, node, onset=onset, **more)


def told(events: list[Any], cut: int = -1) -> list[NotificationDue]:
    feed, found = Feed(), []
    for number, event in enumerate(events):
        if number == cut:
            feed.restart()
        found += feed.feed(event)
    return found


@settings(deadline=None, max_examples=40)
@given(streams())
def test_every_group_opens_once_is_over_once_and_counts_its_revisions(events: list[Any]) -> None:
    groups: dict[str, list[NotificationDue]] = defaultdict(list)
    found = told(events)
    for one in found:
        groups[one.group_id].append(one)
    assert len({one.id for one in found}) == len(found)
    for of_one in groups.values():
        assert [one.revision for one in of_one] == list(range(len(of_one)))
        assert of_one[0].kind == "opened"
        assert of_one[-1].kind == "resolved"
        assert not any(one.kind in ("opened", "resolved") for one in of_one[1:-1])
        assert {one.channels for one in of_one} == {of_one[0].channels}


@settings(deadline=None, max_examples=40)
@given(streams(), st.integers(0, 40))
def test_a_restart_anywhere_changes_nothing(events: list[Any], cut: int) -> None:
    assert list(map(repr, told(events, cut))) == list(map(repr, told(events)))


@settings(deadline=None, max_examples=40)
@given(streams())
def test_nothing_is_lost_in_a_cooldown(events: list[Any]) -> None:
    plain: list[Any] = [
        told_by(one.rule_id, one.revision, cooldown_s=15, group_by=["node"]) if hasattr(one, "rule") else one
        for one in events
        if getattr(one, "rule_id", "") != "~node-offline"
    ]
    fired = {one.condition_id for one in plain if getattr(one, "state", "") == "firing"}
    named = {each.condition_id for one in told(plain) for each in one.conditions}
    assert named == fired


@settings(deadline=None, max_examples=40)
@given(streams())
def test_nothing_stays_behind(events: list[Any]) -> None:
    feed = Feed(*events)
    feed.feed(*(deleted(rule_id, 10_000) for rule_id in RULES), mark(100_000))
    state = feed.states["rules"]
    assert not state.groups
    assert not state.places
    assert not state.nodes
    assert not state.offline


@settings(deadline=None, max_examples=40)
@given(streams())
def test_rules_about_other_nodes_do_not_matter(events: list[Any]) -> None:
    by_node = [
        told_by(one.rule_id, one.revision, group_by=["node"], cooldown_s=5) if hasattr(one, "rule") else one
        for one in events
    ]
    alone = [one for one in by_node if getattr(one, "node_id", "n1") == "n1"]
    whole = [one for one in told(by_node) if one.nodes == ("n1",)]
    assert list(map(repr, whole)) == list(map(repr, told(alone)))
