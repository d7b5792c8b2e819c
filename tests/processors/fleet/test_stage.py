"""The fleet stage: order, partitions that are behind, restarts, operators."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.fleet.state import State
from processors.patterns.lifecycle import FOREVER
from processors.stage import Arrived, Output, Rejected, advance
from schemas.codec import Event
from schemas.codec.serde import encode_body
from tests.processors.fleet.fleets import Replay, action, kinds, mark, observed, summary, told
from tests.samples import at, sample

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d"]),
        st.sampled_from(["", "hot", "stuck", "waiting", "old"]),
    ),
    max_size=80,
)
READINGS: dict[str, dict[str, Any]] = {
    "": {},
    "hot": {"open": (observed("thermal_drain", 0),), "thermal_critical": 10.0},
    "stuck": {"stalled": 10.0},
    "waiting": {"requests_waiting": 5.0},
    "old": {"agent_version": "0.1.0"},
}


def partitioned(steps: list[tuple[str, str]]) -> list[list[Event]]:
    """Two partitions, each in its own order: every ten seconds summaries of its nodes, then a watermark."""
    found: list[list[Event]] = [[], []]
    for round_, start in enumerate(range(0, len(steps), 4)):
        second = 10 * round_
        seen = dict(steps[start : start + 4])
        for node_id, what in sorted(seen.items()):
            found["abcd".index(node_id) % 2].append(summary(second, node_id, **READINGS[what]))
        for partition in (0, 1):
            found[partition].append(mark(second + partition * 0.3, partition))
    return found


def interleaved(parts: list[list[Event]], order: list[bool]) -> list[Event]:
    """Both partitions as one topic, each in its order, neither more than a minute ahead."""
    queues = [list(reversed(part)) for part in parts]
    found: list[Event] = []
    turns = iter(order)
    while any(queues):
        left, right = (queue[-1].occurred_at if queue else 1 << 62 for queue in queues)
        first = next(turns, left <= right)
        if left - right > 60_000_000 or right - left > 60_000_000:
            first = left <= right
        queue = queues[0] if (first and queues[0]) or not queues[1] else queues[1]
        found.append(queue.pop())
    return found


def said(events: list[Event], states: dict[str, State] | None = None) -> list[bytes]:
    replay = Replay()
    replay.states = {} if states is None else states
    replay.feed(*events)
    return [encode_body(out.event) for out in replay.said if isinstance(out, Output)]


@settings(max_examples=50, deadline=None)
@given(STEPS, st.lists(st.booleans(), max_size=120))
def test_which_partition_is_ahead_makes_no_difference(
    steps: list[tuple[str, str]], order: list[bool]
) -> None:
    parts = partitioned(steps)
    assert sorted(said(interleaved(parts, order))) == sorted(said(interleaved(parts, [])))


@settings(max_examples=50, deadline=None)
@given(STEPS, st.integers(0, 100))
def test_a_restart_at_any_point_changes_nothing(steps: list[tuple[str, str]], cut: int) -> None:
    events = interleaved(partitioned(steps), [])
    stage = Replay().stage
    memory: dict[str, State] = {}
    first = said(events[:cut], memory)
    restored = {key: stage.decode(stage.encode(state)) for key, state in memory.items()}
    assert first + said(events[cut:], restored) == said(events)


@settings(max_examples=30, deadline=None)
@given(STEPS)
def test_every_alert_opens_once_and_ends_once_at_most(steps: list[tuple[str, str]]) -> None:
    replay = Replay()
    replay.feed(*interleaved(partitioned(steps), []))
    by_id: dict[str, list[str]] = {}
    for alert, (_, what, _) in zip(told(replay.said), kinds(replay.said), strict=True):
        by_id.setdefault(alert.alert_id, []).append(what)
    for life in by_id.values():
        assert life[0] == "opened"
        assert "opened" not in life[1:]
        assert "resolved" not in life[:-1]


def test_a_partition_that_is_minutes_behind_is_not_waited_for_and_its_nodes_are_not_offline() -> None:
    replay = Replay()
    replay.feed(summary(0, "a"), mark(0, 0), summary(0, "b"), mark(0, 1))
    for second in range(10, 900, 10):
        replay.feed(summary(second, "a"), mark(second, 0))
    assert told(replay.said) == []
    assert replay.states["lab"].judged_at >= at(880)


def test_operators_act_on_alerts() -> None:
    replay = Replay()
    replay.feed(*(summary(second, thermal_critical=10.0) for second in range(0, 120, 10)))
    (opened,) = told(replay.said)
    (seen,) = told(replay.feed(action("acknowledge", opened)))
    assert (seen.acknowledged_by, seen.reason, seen.revision) == ("ann", "operator", 1)
    assert told(replay.feed(action("acknowledge", opened))) == []
    (hidden,) = told(replay.feed(action("dismiss", opened)))
    assert hidden.dismissed_until == FOREVER
    (shown,) = told(replay.feed(action("restore", opened)))
    assert (shown.dismissed_until, shown.acknowledged_by) == (0, "")
    assert kinds(replay.feed(action("resolve", opened))) == [("thermal_redline", "resolved", "operator")]
    assert told(replay.feed(summary(120, thermal_critical=10.0))) == []
    assert told(replay.feed(action("acknowledge", opened))) == []


def test_an_acknowledgement_expires() -> None:
    replay = Replay()
    replay.feed(*(summary(second, thermal_critical=10.0) for second in range(0, 120, 10)))
    replay.feed(action("acknowledge", told(replay.said)[0], expires_at=at(140)))
    replay.feed(summary(130, thermal_critical=10.0), summary(140, thermal_critical=10.0))
    assert kinds(replay.said)[-1] == ("thermal_redline", "updated", "expired")


def test_an_event_of_another_topic_is_refused() -> None:
    (refused,) = advance({}, Replay().stage, Arrived(sample(), 0))
    assert isinstance(refused, Rejected)
    assert refused.reason == "unexpected_event"
