"""Facts moved to the present: never in the future of their arrival, each run for itself."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.simulator.fact import Fact
from producers.simulator.live import whole_requests
from producers.simulator.present import Present, shift_us
from schemas.events.request_finished import RequestFinished
from schemas.topics import REQUESTS, TELEMETRY
from tests.producers.simulator.facts import facts, finished, received
from tests.samples import SECOND, T0, at, sample


@given(st.floats(1, 100), st.floats(1, 86_400), st.floats(0, 1))
def test_no_event_lies_in_the_future_of_its_arrival(speed: float, duration_s: float, share: float) -> None:
    begin = T0 + 1000 * SECOND
    shift = shift_us(T0, begin, duration_s, speed)
    occurred = T0 + round(share * duration_s * 1e6) + shift
    arrived = begin + round(share * duration_s / speed * 1e6)
    assert occurred <= arrived + 1


@pytest.mark.parametrize("speed", [1.0, 20.0, math.inf])
def test_the_run_and_the_scenario_end_together(speed: float) -> None:
    shift = shift_us(T0, at(1000), 600, speed)
    assert at(600) + shift == at(1000 + 600 / speed)


def test_times_move_and_runs_get_names_of_their_own() -> None:
    fact = Fact(TELEMETRY, "n1", sample(3, node_id="n1"), at(3))
    one = Present("one", 5 * SECOND, spooled=False)
    key, event = one.event(fact)
    assert (key, event.occurred_at, event.seq, event.spooled) == ("n1", at(8), 3, False)  # type: ignore[union-attr]
    assert one.event(fact) == (key, event)
    other = Present("two", 0, spooled=True).event(fact)[1]
    assert other.boot_id != event.boot_id  # type: ignore[union-attr]
    assert other.spooled  # type: ignore[union-attr]


def test_a_request_is_one_request_under_its_new_name() -> None:
    present = Present("one", SECOND, spooled=True)
    first = present.event(Fact(REQUESTS, "r1", received("r1", 1), at(1)))
    key, last = present.event(Fact(REQUESTS, "r1", finished("r1", 3), at(3)))
    assert isinstance(last, RequestFinished)
    assert first[0] == key == last.request_id != "r1"
    assert (last.occurred_at, last.received_at) == (at(4), at(2))


def test_the_facts_of_a_request_come_when_it_is_over() -> None:
    found = list(whole_requests(facts(6)))
    requests = [fact for fact in found if fact.topic is REQUESTS]
    assert [type(fact.event).__name__ for fact in requests] == ["RequestReceived", "RequestFinished"]
    assert [fact.arrived_at for fact in requests] == [at(3), at(3)]
    arrivals = [fact.arrived_at for fact in found]
    assert arrivals == sorted(arrivals)
    assert len(found) == len(list(facts(6)))


def test_a_request_that_never_ends_is_left_out() -> None:
    assert not [fact for fact in whole_requests(facts(3)) if fact.topic is REQUESTS]
