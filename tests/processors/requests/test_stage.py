"""The request stage by hand: what belongs where, and when it is said."""

import pytest

from processors.panes import histogram
from processors.requests.state import State
from processors.stage import Arrived, Output, Rejected
from schemas.codec import Event
from schemas.errors import DecodeError
from schemas.events.request_finished import Outcome
from schemas.topics import PANES
from tests.processors.requests.traffic import (
    FLEET,
    MODEL,
    Replay,
    arrived,
    finished,
    first_token,
    panes,
    received,
    routed,
    whole,
)
from tests.samples import SECOND, T0, at, sample, tick


def test_one_request_gives_a_pane_of_its_node_and_one_of_its_fleet() -> None:
    replay = Replay(partition=3)
    replay.feed(*whole("r1", 1.0))
    assert replay.ticks(14.9) == ()
    said = replay.ticks(15.0)
    assert [(out.topic, out.key) for out in said if isinstance(out, Output)] == [
        (PANES, ""),
        (PANES, "node-1"),
    ]
    (pane,) = replay.panes()
    assert (pane.fleet, pane.model, pane.started_at, pane.occurred_at) == (FLEET, MODEL, T0, at(10))
    assert (pane.part, pane.revision) == (3, 0)
    assert (pane.routed, pane.first_tokens, pane.completed, pane.received) == (1.0, 1.0, 1.0, 0.0)
    assert pane.in_flight_s == pytest.approx(3.9)
    assert (pane.open, pane.oldest_silent_s) == (0.0, 0.0)
    assert (pane.ttft_sum_s, pane.ttft_count) == (0.5, 1.0)
    assert (pane.prompt_tokens, pane.completion_tokens) == (100.0, 50.0)
    # The runtime did not report them.
    assert pane.cached_tokens != pane.cached_tokens
    assert pane.ttft == histogram.fold([0.5])
    assert (pane.queue_wait, pane.total) == (histogram.fold([0.1]), histogram.fold([4.0]))
    assert pane.inter_token == histogram.fold([0.02])
    (fleet,) = replay.panes("")
    assert (fleet.received, fleet.routed, fleet.completed, fleet.open) == (1.0, 1.0, 1.0, 0.0)
    assert fleet.in_flight_s == pytest.approx(4.0)
    # As its caller saw it.
    assert fleet.ttft_sum_s == 0.6


def test_a_request_in_flight_gives_panes_though_nothing_happens() -> None:
    replay = Replay()
    replay.feed(received("r1", 2.0), routed("r1", 3.0))
    replay.ticks(15, 20, 25, 30, 35)
    replay.feed(first_token("r1", 38.0), finished("r1", 39.0))
    replay.ticks(40, 45, 50, 55, 60)
    told = [(p.started_at, p.in_flight_s, p.open, p.oldest_silent_s) for p in replay.panes()]
    assert told == [
        (at(0), 7.0, 1.0, 7.0),
        (at(10), 10.0, 1.0, 17.0),
        (at(20), 10.0, 1.0, 27.0),
        (at(30), 9.0, 0.0, 0.0),
    ]
    # On its way to a node it waited for a second, and then no longer.
    assert [p.oldest_silent_s for p in replay.panes("")] == [0.0, 0.0, 0.0, 0.0]
    assert [p.open for p in replay.panes("")] == [1.0, 1.0, 1.0, 0.0]


def test_the_oldest_in_the_queue_is_told_by_the_fleet() -> None:
    replay = Replay()
    replay.feed(received("r1", 2.0), received("r2", 4.0), routed("r2", 5.0))
    replay.ticks(15)
    (pane,) = replay.panes("")
    assert (pane.oldest_silent_s, pane.open, pane.received) == (8.0, 2.0, 2.0)


def test_a_retry_leaves_one_node_and_belongs_to_the_next() -> None:
    replay = Replay()
    replay.feed(
        received("r1", 0.0),
        routed("r1", 1.0, "node-1"),
        routed("r1", 4.0, "node-2", attempt=2, before="node-1"),
        finished("r1", 6.0, "node-2", attempts=2),
    )
    replay.ticks(15)
    (left,), (took,), (fleet,) = replay.panes("node-1"), replay.panes("node-2"), replay.panes("")
    assert (left.routed, left.retried, left.in_flight_s, left.completed) == (1.0, 0.0, 3.0, 0.0)
    assert (took.routed, took.retried, took.in_flight_s, took.completed) == (1.0, 1.0, 2.0, 1.0)
    assert (fleet.routed, fleet.retried, fleet.in_flight_s, fleet.completed) == (2.0, 1.0, 6.0, 1.0)


def test_a_request_may_come_back_to_a_node_it_left() -> None:
    replay = Replay()
    replay.feed(received("r1", 0.0), routed("r1", 1.0, "node-1"))
    replay.ticks(15)
    replay.feed(
        routed("r1", 12.0, "node-2", attempt=2, before="node-1"),
        routed("r1", 14.0, "node-1", attempt=3, before="node-2"),
    )
    replay.ticks(25)
    assert [(p.in_flight_s, p.open) for p in replay.panes("node-1")] == [(9.0, 1.0), (8.0, 1.0)]
    assert [(p.in_flight_s, p.open) for p in replay.panes("node-2")] == [(2.0, 0.0)]


def test_another_attempt_at_the_same_node_is_one_stay() -> None:
    replay = Replay()
    replay.feed(routed("r1", 1.0), routed("r1", 3.0, attempt=2, before="node-1"), finished("r1", 5.0))
    replay.ticks(15)
    (pane,) = replay.panes()
    assert (pane.routed, pane.retried, pane.in_flight_s) == (2.0, 1.0, 4.0)


@pytest.mark.parametrize("outcome", Outcome.__args__)  # type: ignore[attr-defined]
def test_each_outcome_has_its_count(outcome: str) -> None:
    replay = Replay()
    replay.feed(received("r1", 1.0), finished("r1", 2.0, "", outcome=outcome))
    replay.ticks(15)
    (pane,) = replay.panes("")
    assert getattr(pane, outcome) == 1.0
    assert sum(getattr(pane, each) for each in Outcome.__args__) == 1.0  # type: ignore[attr-defined]
    assert list(replay.states) == [f"@{FLEET}"]


def test_models_have_panes_of_their_own() -> None:
    replay = Replay()
    replay.feed(routed("r1", 1.0, model="a"), routed("r2", 1.0, model="b"), routed("r3", 2.0, model="b"))
    replay.ticks(15)
    assert [(p.model, p.routed, p.open) for p in replay.panes()] == [("a", 1.0, 1.0), ("b", 2.0, 2.0)]


def test_what_comes_after_its_pane_was_written_is_a_further_part() -> None:
    replay = Replay()
    replay.feed(*whole("r1", 1.0))
    replay.ticks(15)
    replay.feed(*(arrived(event, 20 * SECOND) for event in whole("r2", 2.0)))
    replay.ticks(25)
    replay.feed(*(arrived(event, 40 * SECOND) for event in whole("r3", 3.0)))
    replay.ticks(45)
    told = [(p.started_at, p.revision, p.completed, round(p.in_flight_s, 3)) for p in replay.panes()]
    assert told == [(T0, 0, 1.0, 3.9), (T0, 1, 1.0, 3.9), (T0, 2, 1.0, 3.9)]
    assert len({p.id for p in replay.panes()}) == 3


def test_an_end_that_comes_late_takes_out_what_was_counted_too_much() -> None:
    replay = Replay()
    replay.feed(received("r1", 0.0), routed("r1", 1.0))
    replay.ticks(15, 25, 35)
    replay.feed(arrived(finished("r1", 14.0), 25 * SECOND))
    replay.ticks(45)
    open_: dict[int, float] = {}
    in_flight: dict[int, float] = {}
    for pane in replay.panes():
        open_[pane.started_at] = open_.get(pane.started_at, 0.0) + pane.open
        in_flight[pane.started_at] = in_flight.get(pane.started_at, 0.0) + pane.in_flight_s
    assert in_flight == {at(0): 9.0, at(10): 4.0, at(20): 0.0}
    assert open_ == {at(0): 1.0, at(10): 0.0, at(20): 0.0}
    assert sum(p.completed for p in replay.panes()) == 1.0


def test_redelivered_facts_count_once() -> None:
    replay = Replay()
    events = whole("r1", 1.0)
    replay.feed(*events, *events)
    replay.ticks(15)
    # And again when they have been folded.
    replay.feed(*(arrived(event, 15 * SECOND) for event in events))
    replay.ticks(25, 35)
    (pane,) = replay.panes()
    assert (pane.routed, pane.first_tokens, pane.completed) == (1.0, 1.0, 1.0)
    assert replay.states["node-1"].counts.duplicates == 6
    assert replay.states[f"@{FLEET}"].counts == (1, 1, 0, 6)


def test_facts_of_an_open_request_are_known_as_long_as_it_is_open() -> None:
    replay = Replay()
    begun: list[Event] = [received("r1", 1.0), routed("r1", 1.5), first_token("r1", 2.0)]
    replay.feed(*begun)
    replay.ticks(*range(15, 3600, 5))
    replay.feed(*(arrived(event, 3600 * SECOND) for event in begun))
    replay.ticks(3610, 3620)
    assert sum(p.routed for p in replay.panes()) == sum(p.first_tokens for p in replay.panes()) == 1.0
    assert sum(p.received for p in replay.panes("")) == sum(p.routed for p in replay.panes("")) == 1.0


def test_the_end_may_come_before_the_beginning() -> None:
    replay = Replay()
    replay.feed(finished("r1", 5.0))
    replay.ticks(15)
    replay.feed(arrived(routed("r1", 1.0), 20 * SECOND), arrived(received("r1", 0.5), 20 * SECOND))
    replay.ticks(25, 35)
    assert replay.states["node-1"].open == replay.states[f"@{FLEET}"].open == ()
    assert replay.states[f"@{FLEET}"].counts[:3] == (1, 1, 0)


def test_a_request_without_an_end_is_given_up_after_a_day_and_counted() -> None:
    replay = Replay()
    replay.feed(received("r1", 0.0), routed("r1", 1.0))
    day = 24 * 3600
    replay.ticks(*range(15, day + 30, 600))
    replay.ticks(*range(day - 3600, day + 7200, 60))
    state = replay.states["node-1"]
    assert (state.open, state.counts.forgotten) == ((), 1)
    fleet = replay.states[f"@{FLEET}"].counts
    assert fleet.received == fleet.finished + fleet.forgotten == 1


def test_after_an_outage_of_the_log_panes_are_closed_an_hour_at_a_time() -> None:
    replay = Replay()
    replay.feed(received("r1", 0.0), routed("r1", 0.0))
    replay.ticks(15)
    assert len(panes(replay.ticks(3 * 3600))) == 360
    assert len(panes(replay.ticks(3 * 3600 + 5))) == 360
    assert len(panes(replay.ticks(3 * 3600 + 10))) == 360 - 1
    assert sum(p.in_flight_s for p in replay.panes()) == 3 * 3600 + 0.0


def test_a_key_without_requests_is_forgotten_when_none_of_its_panes_can_be_revised() -> None:
    replay = Replay()
    replay.feed(*whole("r1", 1.0))
    replay.ticks(15)
    replay.ticks(8 * 86_400)
    assert set(replay.states) == {"node-1", f"@{FLEET}"}
    replay.ticks(8 * 86_400 + 400)
    assert replay.states == {}


def test_times_that_cannot_be_are_one_dead_letter() -> None:
    replay = Replay()
    (said,) = replay.feed(arrived(routed("r1", 0.0, "node-2", attempt=2, before="node-1"), -301 * SECOND))
    assert said == Rejected("implausible_time", "301 s ahead of its arrival")
    (said,) = replay.feed(arrived(finished("r1", 0.0), 9 * 86_400 * SECOND))
    assert isinstance(said, Rejected)
    assert replay.states == {}


def test_events_of_another_kind_are_dead_letters() -> None:
    replay = Replay()
    (said,) = replay.feed(Arrived(sample(1), at(1)))
    assert said == Rejected("unexpected_event", "NodeSample is no event of requests")
    assert replay.states == {}


def test_a_tick_of_a_quiet_partition_changes_nothing() -> None:
    replay = Replay()
    replay.feed(*whole("r1", 1.0))
    replay.ticks(15)
    before = dict(replay.states)
    assert replay.ticks(20, 25, 30) == ()
    assert all(replay.states[key] is before[key] for key in before)
    assert all(replay.stage.settled(state) for state in replay.states.values())
    replay.feed(routed("r2", 40.0))
    assert not replay.stage.settled(replay.states["node-1"])


def test_states_are_bytes_and_back() -> None:
    replay = Replay()
    replay.feed(*whole("r1", 1.0), received("r2", 8.0), routed("r2", 8.5), *whole("r3", 11.0))
    replay.ticks(15)
    for state in replay.states.values():
        raw = replay.stage.encode(state)
        assert isinstance(replay.stage.decode(raw), State)
        assert replay.stage.encode(replay.stage.decode(raw)) == raw
    with pytest.raises(DecodeError):
        replay.stage.decode(b"another version")


def test_a_tick_alone_says_nothing() -> None:
    replay = Replay()
    assert replay.feed(tick(100)) == ()
