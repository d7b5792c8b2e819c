import pytest

from api.router.queue.capacity import Capacity
from api.router.queue.ticket import State
from tests.api.router.queue.driver import Driver


def test_places_are_those_of_all_upstreams() -> None:
    it = Driver()
    it.serve("m", 2, "u1")
    it.serve("m", 3, "u2")
    it.asks(9)
    assert len(it.running()) == 5


def test_without_an_upstream_a_request_waits_for_one() -> None:
    it = Driver()
    name = it.ask()
    assert it.cause(name) == ("no_upstream", "m")
    it.serve("m", 1)
    assert it.running() == [name]
    assert it.kept(name) == ("no_upstream", "m")


def test_nobody_waits_where_parallelism_is_unknown() -> None:
    it = Driver()
    it.serve("m", None)
    it.asks(1000)
    assert not it.queue.waiting


def test_more_places_release_at_once_and_fewer_are_respected() -> None:
    it = Driver()
    it.serve("m", 1)
    it.asks(10)
    it.serve("m", 4)
    assert len(it.running()) == 4
    it.serve("m", 2)
    assert it.finish("t1") == []
    assert it.finish("t2") == []
    assert it.finish("t3") == ["t5"]


def test_an_upstream_that_shrank_takes_nothing_from_another() -> None:
    it = Driver()
    it.serve("m", 4, "u1")
    for name in it.asks(4):
        it.place(name, "u1")
    it.serve("m", 1, "u1")
    it.serve("m", 2, "u2")
    it.asks(3)
    assert len(it.running()) == 6
    assert it.queue.in_flight_on("u1") == 4


def test_a_paused_upstream_gets_nothing_more_and_keeps_what_it_has() -> None:
    it = Driver()
    it.serve("m", 2, "u1")
    it.serve("m", 1, "u2")
    for name, upstream in zip(it.asks(3), ("u1", "u1", "u2"), strict=True):
        it.place(name, upstream)
    it.asks(3)
    it.pause("u1")
    assert it.finish("t1") == []
    assert it.finish("t3") == ["t4"]
    it.place("t4", "u2")
    assert it.queue.in_flight_on("u1") == 1
    assert it.finish("t2") == []
    assert it.queue.in_flight_on("u1") == 0
    assert it.resume("u1") == ["t5", "t6"]


def test_a_pause_outlasts_an_upstream_that_comes_back() -> None:
    it = Driver()
    it.pause("u1")
    it.serve("m", 1, "u1")
    name = it.ask()
    assert it.cause(name) == ("no_upstream", "m")
    it.resume("u1")
    it.pause("u1")
    it.withdraw("u1", "m")
    it.serve("m", 5, "u1")
    it.asks(1)
    assert it.running() == [name]


def test_a_retry_counts_where_it_went() -> None:
    it = Driver()
    it.serve("m", 1, "u1")
    it.serve("m", 1, "u2")
    it.ask()
    it.place("t1", "u1")
    it.place("t1", "u2")
    assert (it.queue.in_flight_on("u1"), it.queue.in_flight_on("u2")) == (0, 1)
    it.finish("t1")
    assert (it.queue.in_flight_on("u1"), it.queue.in_flight_on("u2")) == (0, 0)


def test_a_fallback_counts_for_the_model_that_serves_it() -> None:
    it = Driver()
    it.serve("big", 1)
    it.serve("small", 1)
    first, second = it.asks(2, "big")
    assert it.place(first, "u1", served="small") == [second]
    other = it.ask("small")
    assert it.cause(other) == ("model_cap", "small")
    assert it.finish(first) == [other]


def test_what_a_withdrawn_upstream_has_may_end() -> None:
    it = Driver()
    it.serve("m", 1, "u1")
    it.ask()
    it.place("t1", "u1")
    it.withdraw("u1", "m")
    it.withdraw("u2", "never heard of")
    assert it.queue.in_flight_on("u1") == 1
    it.finish("t1")
    assert not it.queue.models


def test_made_up_models_do_not_pile_up() -> None:
    it = Driver()
    for number in range(100):
        it.leave(it.ask(f"model-{number}"))
    assert not it.queue.models
    assert it.queue.ended[State.ABANDONED] == 100


@pytest.mark.parametrize("operation", ["drop", "open"])
def test_what_nobody_knows_changes_nothing(operation: str) -> None:
    capacity = Capacity()
    if operation == "drop":
        capacity.drop("u9")
    else:
        capacity.open("u9", open_=False)
    assert (capacity.free, capacity.slots, capacity.places) == (0, 0, {})
