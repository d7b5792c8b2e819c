import math

import pytest

from api.router.queue.limits import KeyLimits, PoolLimits
from api.router.queue.ticket import State, Ticket
from schemas.errors import RefusedError
from tests.api.router.queue.driver import Driver


def test_whoever_leaves_is_gone_at_once() -> None:
    it = Driver()
    it.serve("m", 1)
    it.asks(4)
    it.leave("t3")
    it.leave("t2")
    assert it.tickets["t2"].state is State.ABANDONED
    assert it.finish("t1") == ["t4"]
    assert it.queue.waiting == 0


def test_what_is_not_there_to_leave_is_left_alone() -> None:
    it = Driver()
    it.serve("m", 1)
    it.ask()
    assert it.queue.leave("t1", 0.0) == ([], [])
    assert it.queue.leave("t9", 0.0) == ([], [])
    assert it.finish("t9") == []
    assert it.place("t9") == []
    it.finish("t1")
    assert it.finish("t1") == []
    assert it.queue.ended[State.FINISHED] == 1


def test_a_waiting_ticket_cannot_finish_or_be_placed() -> None:
    it = Driver()
    it.ask()
    assert it.finish("t1") == []
    assert it.place("t1") == []
    assert it.queue.waiting == 1


def test_two_tickets_cannot_have_one_id() -> None:
    it = Driver()
    it.ask()
    with pytest.raises(RefusedError, match="t1"):
        it.queue.enter(Ticket("t1", "m"), 0.0)
    it.leave("t1")
    assert it.queue.entered == 1


def test_patience_ends_in_the_order_of_deadlines() -> None:
    it = Driver()
    it.serve("m", 1)
    it.ask()
    it.ask(patience=5)
    it.ask(patience=2)
    it.ask()
    it.ask(patience=3, limits=KeyLimits(max_wait_s=1))
    it.ask(limits=KeyLimits(max_wait_s=4))
    assert it.queue.next_tick() == 1
    assert [ticket.id for ticket in it.tick(4.0).left] == ["t5", "t3", "t6"]
    assert it.tickets["t3"].state is State.TIMED_OUT
    assert it.tickets["t3"].waited_s == 4.0
    assert it.queue.next_tick() == 5
    it.leave("t2")
    assert it.queue.next_tick() == math.inf


def test_no_patience_is_now_or_never() -> None:
    it = Driver()
    it.serve("m", 1)
    it.ask(patience=0)
    it.ask(patience=0)
    assert [ticket.id for ticket in it.tick(0.0).left] == ["t2"]
    assert it.running() == ["t1"]


def test_a_ticket_that_went_in_time_never_times_out() -> None:
    it = Driver()
    it.serve("m", 1)
    it.asks(1)
    it.ask(patience=5)
    it.finish("t1")
    assert it.queue.next_tick() == math.inf
    assert it.tick(100.0) == ([], [])


def test_cancelling_takes_what_waits_for_a_model_of_a_key_or_both() -> None:
    def cancelled(model: str, key: str) -> list[str]:
        it = Driver()
        it.serve("m", 1)
        it.serve("n", 1)
        for name in ("m", "n"):
            it.asks(2, name, "a")
            it.asks(1, name, "b")
        return [ticket.id for ticket in it.queue.cancel(0.0, model=model, key=key).left]

    assert cancelled("m", "") == ["t2", "t3"]
    assert cancelled("", "b") == ["t3", "t6"]
    assert cancelled("m", "a") == ["t2"]
    assert cancelled("", "") == ["t2", "t3", "t5", "t6"]
    assert cancelled("other", "") == []


def test_the_last_cause_is_kept_with_whoever_leaves() -> None:
    it = Driver()
    it.serve("m", 1)
    it.asks(2)
    it.withdraw("u1", "m")
    it.leave("t2")
    assert it.kept("t2") == ("no_upstream", "m")


def test_what_left_takes_no_room() -> None:
    it = Driver()
    it.serve("m", 1)
    it.ask()
    for _ in range(10_000):
        it.leave(it.ask(patience=1e6))
    assert len(it.queue._deadlines) < 100
    (band,) = it.queue.models["m"].pool.bands.values()
    assert not band.heads


def test_a_line_that_is_ranked_often_takes_no_room() -> None:
    it = Driver(PoolLimits("gpu", frozenset("mn"), budget=9.0))
    it.serve("m", 1)
    it.serve("n", 1)
    it.ask("m", "other")
    it.ask("m", "long")
    # Each request for one model changes the rank of the line that waits for the other.
    for _ in range(1000):
        it.finish(it.ask("n", "long"), prompt=0, output=7)
    band = it.queue.pools["gpu"].bands[0]
    assert len(band.heads["m"]) < 50


def test_whoever_leaves_while_its_key_is_held_back_is_forgotten() -> None:
    it = Driver()
    it.serve("m", 5)
    it.asks(2, limits=KeyLimits(max_in_flight=1))
    account = it.queue.accounts["k"]
    assert len(account.parked) == 1
    it.leave("t2")
    assert account.parked == []
