import math

from api.router.queue.limits import KeyLimits
from tests.api.router.queue.driver import Driver

TWO = KeyLimits(max_in_flight=2)


def test_a_key_has_no_more_in_flight_than_it_may() -> None:
    it = Driver()
    it.serve("m", 4)
    it.serve("n", 4)
    it.asks(3, "m", "narrow", limits=TWO)
    held = it.ask("n", "narrow", limits=TWO)
    free = it.ask("m", "other")
    assert it.running() == ["t1", "t2", free]
    assert it.cause(held) == ("key_in_flight", "narrow")
    assert it.finish("t1") == ["t3"]
    assert it.kept("t3") == ("key_in_flight", "narrow")
    assert it.finish("t3") == [held]


def test_a_key_that_was_held_back_saves_nothing_up() -> None:
    it = Driver()
    it.serve("m", 2)
    it.asks(100, key="narrow", limits=KeyLimits(max_in_flight=1))
    it.asks(100, key="wide")
    for _ in range(50):
        wide = next(name for name in it.running() if it.tickets[name].key == "wide")
        it.finish(wide)
    it.ask(key="narrow", limits=KeyLimits(max_in_flight=100))
    before = len(it.went)
    for _ in range(20):
        it.finish(it.running()[0])
    narrow = sum(it.tickets[name].key == "narrow" for name in it.went[before:])
    assert 8 <= narrow <= 12


def test_a_budget_of_tokens_makes_a_key_wait_and_comes_back_evenly() -> None:
    limits = KeyLimits(tokens=1000, period_s=100)
    it = Driver(output_tokens=100)
    it.serve("m", 50)
    it.asks(12, key="metered", limits=limits)
    assert len(it.running()) == 10
    assert it.cause("t11") == ("key_budget", "metered")
    # A token comes back every tenth of a second, and one is enough to go on.
    assert it.queue.next_tick() == 0.1
    assert [ticket.id for ticket in it.tick(0.1).released] == ["t11"]
    assert it.queue.next_tick() > 9.9
    assert it.tick(5.0).released == []
    assert [ticket.id for ticket in it.tick(10.1).released] == ["t12"]
    assert it.queue.next_tick() == math.inf


def test_what_was_not_used_comes_back_at_once() -> None:
    it = Driver(output_tokens=600)
    it.serve("m", 50)
    limits = KeyLimits(tokens=1000, period_s=1e6)
    it.asks(3, key="metered", limits=limits)
    assert len(it.running()) == 2
    assert it.finish("t1", prompt=0, output=10) == ["t3"]


def test_what_was_used_beyond_the_estimate_is_owed() -> None:
    it = Driver(output_tokens=100)
    it.serve("m", 50)
    limits = KeyLimits(tokens=1000, period_s=1000)
    it.ask(key="metered", limits=limits)
    it.finish("t1", prompt=500, output=1500)
    name = it.ask(key="metered", limits=limits)
    assert it.cause(name) == ("key_budget", "metered")
    assert it.queue.next_tick() == 1001.0
    assert it.tick(1001.0).released == [it.tickets[name]]


def test_a_budget_holds_over_models_and_is_told_without_a_head() -> None:
    it = Driver(output_tokens=100)
    it.serve("m", 1)
    it.ask("m", "other")
    limits = KeyLimits(tokens=50, period_s=10)
    it.serve("n", 5)
    it.ask("n", "metered", limits=limits)
    behind = it.ask("m", "metered", limits=limits)
    assert it.finish("t1") == []
    # Its line was set aside when its turn came, not when it entered: it must wake up all the same.
    assert it.queue.next_tick() < math.inf
    assert it.tick(it.queue.next_tick()).released == [it.tickets[behind]]


def test_a_larger_budget_counts_from_the_next_request_on() -> None:
    it = Driver(output_tokens=100)
    it.serve("m", 9)
    it.asks(3, key="metered", limits=KeyLimits(tokens=100, period_s=1e6))
    assert len(it.running()) == 1
    it.ask(key="metered", limits=KeyLimits(tokens=350, period_s=1e6))
    assert it.running() == ["t1", "t2", "t3", "t4"]
    assert it.queue.accounts["metered"].left(it.now) == -50
    it.ask(key="metered")
    assert it.queue.accounts["metered"].left(it.now) == math.inf


def test_keys_that_are_gone_and_owe_nothing_are_forgotten() -> None:
    it = Driver()
    it.serve("m", 5)
    it.ask(key="owing", limits=KeyLimits(tokens=50, period_s=1e9))
    it.finish("t1", prompt=0, output=49)
    for number in range(5000):
        it.finish(it.ask(key=f"once-{number}"))
    assert len(it.queue.accounts) < 2500
    assert "owing" in it.queue.accounts
