import math

import pytest

from api.router.queue import cost
from api.router.queue.limits import Heavy, KeyLimits, PoolLimits
from tests.api.router.queue.driver import Driver

ANY = KeyLimits(priority_ceiling=100)


def gpu(budget: float = 1.0, heavy: Heavy = Heavy.LEAVE_ROOM, **costs: float) -> PoolLimits:
    return PoolLimits("gpu", frozenset(costs), budget=budget, heavy=heavy, costs=costs)


def driver(*pools: PoolLimits, slots: int = 8) -> Driver:
    made = Driver(*pools)
    for pool in pools:
        for model in sorted(pool.models):
            made.serve(model, slots)
    return made


def used(it: Driver) -> float:
    return it.queue.pools["gpu"].used / cost.UNIT


def test_a_budget_holds_back_what_does_not_fit() -> None:
    it = driver(gpu(a=0.5, b=0.25))
    names = [it.ask("a"), it.ask("b"), it.ask("b"), it.ask("b")]
    assert it.running() == names[:3]
    assert used(it) == 1.0
    assert it.cause(names[3]) == ("budget", "gpu")
    assert it.finish(names[1]) == names[3:]


def test_what_is_left_is_kept_for_the_head() -> None:
    it = driver(gpu(big=1.0, small=0.25))
    running = [it.ask("small"), it.ask("small")]
    big = it.ask("big", key="other")
    late = it.ask("small", key="third")
    assert it.cause(big) == ("budget", "gpu")
    assert it.cause(late) == ("reserved", big)
    assert it.finish(running[0]) == []
    assert it.finish(running[1]) == [big]
    assert it.finish(big) == [late]
    assert it.kept(big) == ("budget", "gpu")
    assert it.kept(late) == ("budget", "gpu")


def test_a_reservation_goes_with_whoever_leaves() -> None:
    it = driver(gpu(big=1.0, small=0.25))
    it.ask("small")
    big = it.ask("big", key="other")
    late = it.ask("small", key="third")
    assert it.leave(big) == [late]


def test_a_higher_priority_takes_the_reservation_over() -> None:
    it = driver(gpu(big=1.0, small=0.25))
    it.ask("small")
    big = it.ask("big", key="other")
    urgent = it.ask("small", key="third", priority=1, limits=ANY)
    assert it.running() == ["t1", urgent]
    dear = it.ask("big", key="fourth", priority=2, limits=ANY)
    assert it.cause(dear) == ("budget", "gpu")
    assert it.cause(big) == ("reserved", dear)


def test_a_full_model_does_not_hold_the_others_back() -> None:
    it = Driver(gpu(a=0.25, b=0.25))
    it.serve("a", 1)
    it.serve("b", 4)
    it.asks(5, "a")
    assert it.cause("t2") == ("model_cap", "a")
    assert it.ask("b", key="other") in it.running()


def test_pools_do_not_touch_each_other() -> None:
    it = Driver(gpu(a=1.0), PoolLimits("cpu", frozenset({"b"}), budget=1.0, costs={"b": 1.0}))
    it.serve("a", 8)
    it.serve("b", 8)
    it.asks(10, "a")
    assert it.ask("b") in it.running()


def test_a_model_without_a_cost_takes_the_share_of_a_place() -> None:
    it = Driver(PoolLimits("gpu", frozenset({"a", "b"}), budget=1.0))
    it.serve("a", 3)
    it.serve("b", 3)
    it.asks(3, "a")
    assert it.running() == ["t1", "t2", "t3"]
    assert used(it) == pytest.approx(1.0)
    it.ask("b")
    it.drain()
    assert used(it) == 0.0


def test_what_was_taken_is_given_back_though_places_changed() -> None:
    it = Driver(PoolLimits("gpu", frozenset({"a"}), budget=1.0))
    it.serve("a", 3)
    it.asks(3, "a")
    it.serve("a", 7)
    for name in it.running():
        it.finish(name)
    assert it.queue.pools["gpu"].used == 0


@pytest.mark.parametrize(
    ("prompt", "heavy", "taken"),
    [
        (0, Heavy.LEAVE_ROOM, 0.125),
        (2_000, Heavy.LEAVE_ROOM, 0.125),
        (2_001, Heavy.LEAVE_ROOM, 0.25),
        (8_000, Heavy.LEAVE_ROOM, 0.25),
        (8_001, Heavy.LEAVE_ROOM, 0.375),
        (8_001, Heavy.FULL_POOL, 0.5),
    ],
)
def test_a_long_prompt_costs_more(prompt: int, heavy: Heavy, taken: float) -> None:
    it = driver(gpu(budget=0.5, heavy=heavy, a=0.125))
    it.ask("a", prompt=prompt)
    assert used(it) == taken


def test_a_prompt_never_costs_less_than_a_short_one() -> None:
    assert cost.charge(9, 4.0, 10, Heavy.LEAVE_ROOM) == 9
    assert cost.charge(10, 4.0, 10, Heavy.FULL_POOL) == 10
    assert cost.derived(0, 10) == 10
    assert cost.factor(10**9, ((5, 1.0), (math.inf, 3.0))) == 3.0


def test_a_pool_is_kept_for_nobody_who_has_no_place() -> None:
    it = Driver(gpu(big=1.0, small=0.25))
    it.serve("big", 1, "u1")
    it.serve("small", 8, "u2")
    it.ask("small")
    big = it.ask("big", key="other")
    late = it.ask("small", key="third")
    assert it.pause("u1") == [late]
    assert it.cause(big) == ("no_upstream", "big")
    later = it.ask("small", key="third")
    it.resume("u1")
    assert it.cause(big) == ("budget", "gpu")
    assert it.withdraw("u1", "big") == []
    assert later in it.running()
