"""When an upstream is left alone, and how it is tried again."""

from api.router.breaker import Breakers


def opened() -> Breakers:
    breakers = Breakers(2, 10.0)
    assert not breakers.failed("a", 0.0)
    assert breakers.failed("a", 1.0)
    return breakers


def test_failures_in_a_row_open_it() -> None:
    breakers = Breakers(2, 10.0)
    for _ in range(5):
        breakers.failed("a", 0.0)
        breakers.succeeded("a")
    assert breakers.blocked(0.0) == frozenset()
    assert opened().blocked(10.9) == {"a"}


def test_one_request_at_a_time_tries_it_again() -> None:
    breakers = opened()
    assert breakers.blocked(11.0) == frozenset()
    assert breakers.status(11.0) == {"a": "half-open"}
    breakers.sent("a", 11.0)
    assert breakers.blocked(11.5) == {"a"}
    breakers.succeeded("a")
    assert breakers.blocked(11.6) == frozenset()
    assert breakers.status(11.6) == {}


def test_a_probe_that_fails_doubles_the_pause_up_to_eight_times() -> None:
    breakers, now_s, pauses = opened(), 11.0, []
    for _ in range(6):
        breakers.sent("a", now_s)
        breakers.failed("a", now_s)
        step = next(step for step in range(1, 1000) if "a" not in breakers.blocked(now_s + step))
        pauses.append(step)
        now_s += step
    assert pauses == [20, 40, 80, 80, 80, 80]


def test_failures_of_requests_from_before_do_not_lengthen_the_pause() -> None:
    breakers = opened()
    for at in (2.0, 3.0, 9.0):
        breakers.failed("a", at)
    assert breakers.blocked(11.0) == frozenset()


def test_a_probe_whose_client_left_makes_room_for_another() -> None:
    breakers = opened()
    breakers.sent("a", 11.0)
    breakers.undecided("a")
    assert breakers.blocked(11.1) == frozenset()


def test_a_probe_that_is_not_heard_of_again_is_lost() -> None:
    breakers = opened()
    breakers.sent("a", 11.0)
    assert breakers.blocked(30.9) == {"a"}
    assert breakers.blocked(31.0) == frozenset()


def test_upstreams_are_apart() -> None:
    breakers = opened()
    assert "b" not in breakers.blocked(2.0)
    breakers.succeeded("b")
    assert breakers.blocked(2.0) == {"a"}
