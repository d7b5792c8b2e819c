from api.router.queue.limits import KeyLimits
from tests.api.router.queue.driver import Driver

ANY = KeyLimits(priority_ceiling=100)


def test_with_a_free_place_nothing_waits() -> None:
    driver = Driver()
    driver.serve("m", 2)
    driver.asks(2)
    assert driver.running() == ["t1", "t2"]
    assert driver.kept("t1") == ("none", "")
    assert driver.tickets["t1"].waited_s == 0


def test_one_key_is_served_first_come_first_served() -> None:
    driver = Driver()
    driver.serve("m", 2)
    driver.asks(50)
    driver.drain()
    assert driver.went == [f"t{n}" for n in range(1, 51)]


def test_a_higher_priority_goes_first() -> None:
    driver = Driver()
    driver.serve("m", 1)
    driver.ask()
    driver.ask(priority=1, limits=ANY)
    driver.ask(priority=5, limits=ANY)
    driver.ask(priority=-3, limits=ANY)
    driver.ask(priority=5, limits=ANY)
    assert driver.drain() == ["t3", "t5", "t2", "t4"]


def test_a_priority_is_cut_to_the_ceiling_of_the_key() -> None:
    driver = Driver()
    driver.serve("m", 1)
    driver.ask()
    driver.ask(key="a", priority=50)
    driver.ask(key="b", priority=2, limits=KeyLimits(priority_ceiling=1))
    driver.ask(key="c", priority=-7, limits=KeyLimits(priority_ceiling=1))
    driver.ask(key="d", priority=10_000, limits=KeyLimits(priority_ceiling=10_000))
    assert [driver.tickets[f"t{n}"].priority for n in range(2, 6)] == [0, 1, -7, 100]
    assert driver.drain() == ["t5", "t3", "t2", "t4"]


def stream_of_higher_priority(aging_rate: float, seconds: int) -> list[str]:
    """Serve one request a second; one of priority 5 comes each second, one of 0 came before all of them."""
    driver = Driver(aging_rate=aging_rate)
    driver.serve("m", 1)
    driver.ask(priority=5, key="high", limits=ANY)
    driver.ask(key="low")
    for second in range(1, seconds):
        driver.now = float(second)
        driver.ask(priority=5, key="high", limits=ANY)
        driver.finish(driver.running()[0])
    return driver.went


def test_without_aging_a_steady_higher_priority_keeps_the_lower_one_waiting() -> None:
    assert "t2" not in stream_of_higher_priority(0.0, 100)


def test_aging_overtakes_a_gap_after_gap_by_rate_seconds() -> None:
    went = stream_of_higher_priority(0.5, 100)
    # 5 points at half a point a second: level after 10 s, ahead of what came in the meantime at 11.
    assert went.index("t2") == 11


def test_what_its_age_let_go_first_is_marked() -> None:
    driver = Driver(aging_rate=1.0)
    driver.serve("m", 1)
    driver.asks(2)
    driver.now = 10.0
    driver.ask(priority=5, limits=ANY)
    assert driver.drain() == ["t2", "t3"]
    assert [driver.tickets[name].aged for name in ("t1", "t2", "t3")] == [False, True, False]


def test_aging_never_reorders_equals() -> None:
    driver = Driver(aging_rate=3.0)
    driver.serve("m", 1)
    for second in range(20):
        driver.now = second / 7
        driver.ask(key="one")
    driver.drain()
    assert driver.went == [f"t{n}" for n in range(1, 21)]


def test_aging_leaves_the_shares_of_keys_as_they_are() -> None:
    def order(aging_rate: float) -> list[str]:
        driver = Driver(aging_rate=aging_rate)
        driver.serve("m", 1)
        driver.asks(40, key="three", limits=KeyLimits(weight=3))
        driver.now = 5.0
        driver.asks(40, key="one")
        while running := driver.running():
            driver.now += 2.0
            driver.finish(running[0])
        return driver.went

    assert order(0.0) == order(7.0)
