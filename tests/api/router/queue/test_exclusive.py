from api.router.queue.limits import KeyLimits, PoolLimits
from tests.api.router.queue.driver import Driver

ANY = KeyLimits(priority_ceiling=100)


def driver(*models: str, slots: int = 2, turn_s: float = 10.0, aging_rate: float = 0.0) -> Driver:
    pool = PoolLimits("slot", frozenset(models), exclusive=True, turn_s=turn_s)
    made = Driver(pool, aging_rate=aging_rate)
    for model in models:
        made.serve(model, slots)
    return made


def test_one_model_at_a_time() -> None:
    it = driver("a", "b")
    first, other, second = it.ask("a"), it.ask("b", "other"), it.ask("a")
    assert it.running() == [first, second]
    assert it.cause(other) == ("exclusive", "a")
    it.finish(first)
    assert it.finish(second) == [other]


def test_a_steady_stream_hands_over_after_its_turn() -> None:
    """Requests of 1.5 s come each second for one model; the other's waits for a turn and one request."""
    it = driver("b", "c", slots=1)
    it.ask("b", "b")
    went_at = {}
    for step in range(1, 200):
        it.now = step / 2
        if step % 2 == 0:
            it.ask("b", "b")
        if step == 10:
            waiting = it.ask("c", "c")
        if step % 3 == 0 and it.running():
            for name in it.finish(it.running()[0]):
                went_at[name] = it.now
    assert went_at[waiting] <= 10.0 + 1.5
    assert it.tickets[waiting].reason.subject == "b"


def test_whoever_has_had_its_turn_hands_over_at_once() -> None:
    it = driver("a", "b")
    it.asks(5, "a")
    it.now = 60.0
    other = it.ask("b", "other")
    late = it.ask("a", "late")
    assert it.finish("t1") == []
    assert it.cause(late) == ("hand_off", "slot")
    assert it.finish("t2") == [other]


def test_the_next_turn_is_a_whole_one() -> None:
    it = driver("a", "b", slots=1)
    it.asks(10, "a")
    it.asks(10, "b")
    served = []
    for second in range(1, 100):
        it.now = second * 4.0
        if not it.running():
            break
        name = it.running()[0]
        served.append(it.tickets[name].model)
        it.finish(name)
    assert "".join(served) == "aaabbbaaabbbaaabbbab"


def test_a_lower_priority_waits_without_aging_and_comes_with_it() -> None:
    def when(aging_rate: float) -> float:
        it = driver("a", "b", slots=1, aging_rate=aging_rate)
        it.ask("a", "high", priority=3, limits=ANY)
        low = it.ask("b", "low")
        for second in range(1, 200):
            it.now = float(second)
            it.ask("a", "high", priority=3, limits=ANY)
            it.finish(it.running()[0])
        return it.tickets[low].released if low in it.went else float("inf")

    assert when(0.0) == float("inf")
    assert when(0.5) <= 3 / 0.5 + 2


def test_a_higher_priority_ends_a_turn() -> None:
    it = driver("a", "b")
    it.asks(4, "a")
    urgent = it.ask("b", "other", priority=1, limits=ANY)
    assert it.finish("t1") == []
    assert it.finish("t2") == [urgent]


def test_a_model_that_nobody_serves_ends_no_turn() -> None:
    it = driver("a", "b")
    it.withdraw("u1", "b")
    it.asks(4, "a")
    it.now = 60.0
    other = it.ask("b", "other")
    assert it.finish("t1") == ["t3"]
    assert it.cause(other) == ("no_upstream", "b")


def test_a_turn_goes_on_when_whoever_waited_leaves() -> None:
    it = driver("a", "b")
    it.asks(4, "a")
    it.now = 60.0
    other = it.ask("b", "other")
    assert it.finish("t1") == []
    assert it.leave(other) == ["t3"]
