"""The ladders find what judging every rule with every state finds; and states survive a restart anywhere."""

from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.rules.rule import compiled
from schemas.events.condition_changed import ConditionChanged
from schemas.events.rule_changed import RuleChanged
from schemas.topics import NODE_STATES
from tests.processors.rules.world import NAN, Feed, deleted, mark, rule, state, when

FIELDS = ("wes", "power_w", "gpu.temperature_c")
LIMITS = st.integers(0, 4).map(float)
VALUES = st.one_of(LIMITS, LIMITS, st.just(NAN), st.sampled_from((0.5, 2.5, 4.5)))


@st.composite
def a_rule(draw: st.DrawFn, rule_id: str, revision: int = 1) -> RuleChanged:
    if draw(st.integers(0, 5)) == 0:
        condition = when("thermal_state", "changed")
        return rule(rule_id, revision, when=condition, keep_firing_for_s=draw(st.sampled_from((0, 2))))
    op = draw(st.sampled_from(("<", "<=", ">", ">=", "above", "below")))
    value = draw(LIMITS)
    clear = value + draw(st.integers(0, 2)) * (-1 if op in (">", ">=", "above") else 1)
    condition = when(draw(st.sampled_from(FIELDS)), op, value, clear_value=clear)
    times = st.sampled_from((0, 0, 1, 3))
    nodes = draw(st.sampled_from(((), ("n1",), ("n*",), ("n2",))))
    waits: dict[str, Any] = {"for_s": draw(times), "keep_firing_for_s": draw(times)}
    return rule(rule_id, revision, when=condition, select={"nodes": nodes}, **waits)


@st.composite
def a_state(draw: st.DrawFn, second: int) -> Any:
    return state(
        second,
        draw(st.sampled_from(("n1", "n2"))),
        wes=draw(VALUES),
        power_w=draw(VALUES),
        temperatures=tuple(draw(st.lists(VALUES, max_size=2))),
        thermal_state=draw(st.sampled_from(("normal", "serious"))),
    )


@st.composite
def streams(draw: st.DrawFn) -> list[Any]:
    events: list[Any] = [draw(a_rule(f"r{number}")) for number in range(draw(st.integers(1, 6)))]
    revisions = {event.rule_id: 1 for event in events}
    for second in range(draw(st.integers(1, 20))):
        choice = draw(st.integers(0, 9))
        if choice == 0:
            rule_id = draw(st.sampled_from(sorted(revisions)))
            revisions[rule_id] += 1
            gone = draw(st.booleans())
            revision = revisions[rule_id]
            events.append(deleted(rule_id, revision) if gone else draw(a_rule(rule_id, revision)))
        elif choice == 1:
            events.append(mark(second))
        else:
            events.append(draw(a_state(second)))
    return events


# Node, field, and whether the highest of several counts.
Place = tuple[str, str, bool]


class Naive(NamedTuple):
    """One rule about one node, as its description reads."""

    phase: str = ""
    due: int = 0


def naive(events: list[Any]) -> list[tuple[str, str, str]]:
    """Judge every rule with every state, one by one; no gaps, no restarts, no other source."""
    said: list[tuple[str, str, str]] = []
    rules: dict[str, Any] = {}
    lives: dict[tuple[str, str], Naive] = {}
    last: dict[Place, Any] = {}

    def over(rule_id: str, node: str) -> None:
        if lives.pop((rule_id, node), Naive()).phase in ("firing", "ending"):
            said.append((rule_id, node, "resolved"))

    for event in events:
        if isinstance(event, RuleChanged):
            new = None if event.deleted else compiled(event)
            before = rules.pop(event.rule_id, None)
            if before is not None and (new is None or new.judged != before.judged):
                for node in sorted({node for rule_id, node in lives if rule_id == event.rule_id}):
                    over(event.rule_id, node)
            if new is not None:
                rules[event.rule_id] = new
            continue
        if not hasattr(event, "wes"):
            continue
        node, at = event.node_id, event.occurred_at
        for rule_id, one in sorted(rules.items()):
            nodes = one.document.select.nodes
            if nodes and not any(name in (node, "n*") for name in nodes):
                continue
            high = one.op in (">", ">=", "above")
            now, was = reading(event, one.field, high), last.get((node, one.field, high), NAN)
            life = lives.get((rule_id, node), Naive())
            if now == now:
                life = judged(one, life, was, now, at, (rule_id, node), said)
            if life.phase == "pending" and life.due <= at and now == now:
                life = Naive("firing")
                said.append((rule_id, node, "firing"))
            elif life.phase == "ending" and life.due <= at:
                life = Naive()
                said.append((rule_id, node, "resolved"))
            lives[rule_id, node] = life
        for field in FIELDS:
            for high in (True, False):
                now = reading(event, field, high)
                keep(rules, last, (node, field, high), now)
        keep(rules, last, (node, "thermal_state", False), event.thermal_state)
    return sorted(said)


def keep(rules: dict[str, Any], last: dict[Place, Any], what: Place, now: Any) -> None:
    """Remember a reading for as long as a rule is about it."""
    node, field, high = what
    if not any(about(one, node, field, high) for one in rules.values()):
        last.pop(what, None)
    elif now == now:
        last[what] = now


def about(one: Any, node: str, field: str, high: bool) -> bool:
    nodes = one.document.select.nodes
    side = "." not in field or high == (one.op in (">", ">=", "above"))
    return one.field == field and side and (not nodes or node in nodes or "n*" in nodes)


def reading(event: Any, field: str, high: bool) -> Any:
    if "." not in field:
        return getattr(event, field)
    known = [gpu.temperature_c for gpu in event.gpus if gpu.temperature_c == gpu.temperature_c]
    return (max if high else min)(known, default=NAN)


def judged(
    one: Any, life: Naive, was: Any, now: Any, at: int, who: tuple[str, str], said: list[tuple[str, str, str]]
) -> Naive:
    if one.op == "changed":
        if was != was or was == now:
            return life
        said.append((*who, "updated" if life.phase else "firing"))
        return Naive("ending", at + max(1, one.keep_us))
    if not life.phase:
        crosses = was == was and not one.holds(was)
        if not one.holds(now) or (one.is_edge and not crosses):
            return life
        if one.for_us:
            return Naive("pending", at + one.for_us)
        said.append((*who, "firing"))
        return Naive("firing")
    if life.phase == "pending":
        return life if one.holds(now) else Naive()
    if life.phase == "ending":
        return Naive("firing") if one.holds(now) else life
    if one.lasts(now):
        return life
    if one.keep_us:
        return Naive("ending", at + one.keep_us)
    said.append((*who, "resolved"))
    return Naive()


def judged_by_stage(events: list[Any], cut: int = -1) -> list[ConditionChanged]:
    feed, found = Feed(NODE_STATES), []
    for number, event in enumerate(events):
        if number == cut:
            feed.restart()
        found += feed.feed(event)
    return found


@settings(deadline=None, max_examples=40)
@given(streams())
def test_a_stage_says_what_every_rule_alone_says(events: list[Any]) -> None:
    said = [(one.rule_id, one.node_id, one.state) for one in judged_by_stage(events)]
    assert sorted(said) == naive(events)


@settings(deadline=None, max_examples=40)
@given(streams(), st.integers(0, 30))
def test_a_restart_anywhere_changes_nothing(events: list[Any], cut: int) -> None:
    assert list(map(repr, judged_by_stage(events, cut))) == list(map(repr, judged_by_stage(events)))


@settings(deadline=None, max_examples=40)
@given(streams())
def test_what_fires_is_resolved_once_and_never_fires_twice(events: list[Any]) -> None:
    firing: dict[tuple[str, str], str] = {}
    ids: set[str] = set()
    gone = [deleted(f"r{number}", 1000) for number in range(6)]
    for one in judged_by_stage([*events, *gone]):
        place = (one.rule_id, one.subject)
        if one.state == "firing":
            assert place not in firing
            assert one.condition_id not in ids
            firing[place] = one.condition_id
            ids.add(one.condition_id)
        else:
            assert firing[place] == one.condition_id
            if one.state == "resolved":
                del firing[place]
    assert not firing


@settings(deadline=None, max_examples=40)
@given(streams())
def test_another_nodes_states_do_not_matter(events: list[Any]) -> None:
    alone = [event for event in events if getattr(event, "node_id", "n1") == "n1"]
    whole = [one for one in judged_by_stage(events) if one.node_id == "n1"]
    only = [one for one in judged_by_stage(alone) if one.node_id == "n1"]
    assert list(map(repr, whole)) == list(map(repr, only))
