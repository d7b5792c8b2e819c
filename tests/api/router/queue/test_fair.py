from collections import Counter

from api.router.queue.band import ARREARS
from api.router.queue.limits import KeyLimits, PoolLimits
from tests.api.router.queue.driver import Driver


def keys(driver: Driver, names: list[str]) -> list[str]:
    return [driver.tickets[name].key for name in names]


def test_a_newcomer_does_not_wait_behind_a_flood() -> None:
    driver = Driver()
    driver.serve("m", 1)
    driver.asks(1000, key="flood")
    newcomer = driver.ask(key="newcomer")
    assert driver.finish("t1") == [newcomer]


def test_equal_weights_take_turns() -> None:
    driver = Driver()
    driver.serve("m", 1)
    for key in ("a", "b", "c"):
        driver.asks(20, key=key)
    driver.drain()
    for turn in range(1, 20):
        assert set(keys(driver, driver.went[3 * turn : 3 * turn + 3])) == {"a", "b", "c"}


def test_weights_divide_the_service() -> None:
    driver = Driver()
    driver.serve("m", 1)
    driver.asks(300, key="one")
    driver.asks(300, key="two", limits=KeyLimits(weight=2))
    driver.drain()
    served = Counter(keys(driver, driver.went[:300]))
    assert abs(served["two"] - 2 * served["one"]) <= 3


def test_shares_are_of_tokens_not_of_requests() -> None:
    driver = Driver()
    driver.serve("m", 1)
    driver.asks(2, key="hold")
    for _ in range(100):
        driver.ask(key="long", prompt=900)
        driver.ask(key="short", prompt=0)
    driver.drain()
    served = Counter(keys(driver, driver.went[:57]))
    # 1,000 tokens a request against 100: ten short ones for a long one.
    assert 45 <= served["short"] <= 55
    assert 4 <= served["long"] <= 6


def test_what_was_used_counts_once_it_is_known() -> None:
    driver = Driver()
    driver.serve("m", 1)
    driver.asks(100, key="talkative")
    driver.asks(100, key="terse")
    while driver.queue.waiting > 100:
        name = driver.running()[0]
        # The estimates are the same for both.
        driver.finish(name, prompt=0, output=900 if driver.tickets[name].key == "talkative" else 100)
    served = Counter(keys(driver, driver.went))
    assert 7 <= served["terse"] / served["talkative"] <= 11


def test_an_idle_key_saves_nothing_up() -> None:
    driver = Driver()
    driver.serve("m", 1)
    driver.asks(500, key="busy")
    driver.ask(key="idle")
    for _ in range(400):
        driver.finish(driver.running()[0])
    driver.asks(50, key="idle")
    before = len(driver.went)
    driver.drain()
    served = Counter(keys(driver, driver.went[before : before + 40]))
    assert abs(served["idle"] - served["busy"]) <= 2


def test_when_the_queue_was_empty_everybody_begins_anew() -> None:
    driver = Driver()
    driver.serve("m", 1)
    driver.asks(100, key="a")
    driver.drain()
    driver.asks(10, key="a")
    driver.asks(10, key="b")
    before = len(driver.went)
    driver.drain()
    assert Counter(keys(driver, driver.went[before : before + 10])) == {"a": 4, "b": 6} or Counter(
        keys(driver, driver.went[before : before + 10])
    ) == {"a": 5, "b": 5}


def test_whoever_expects_too_much_gains_nothing_by_it() -> None:
    driver = Driver(output_tokens=5_000)
    driver.serve("m", 4)
    driver.asks(200, key="cautious")
    driver.asks(200, key="other")
    for _ in range(100):
        driver.finish(driver.running()[0], prompt=0, output=10)
    served = Counter(keys(driver, driver.went))
    assert abs(served["cautious"] - served["other"]) <= 5


def test_a_key_is_known_by_its_last_weight() -> None:
    driver = Driver()
    driver.serve("m", 1)
    driver.asks(200, key="a")
    driver.asks(200, key="b", limits=KeyLimits(weight=4))
    driver.drain()
    first = Counter(keys(driver, driver.went[:100]))
    assert 74 <= first["b"] <= 82


def test_keys_share_a_pool_over_its_models() -> None:
    driver = Driver(PoolLimits("gpu", frozenset({"x", "y"}), budget=1, costs={"x": 1.0, "y": 1.0}))
    driver.serve("x", 8)
    driver.serve("y", 8)
    driver.asks(100, model="x", key="flood")
    driver.asks(100, model="y", key="other")
    for _ in range(100):
        driver.finish(driver.running()[0])
    served = Counter(keys(driver, driver.went))
    assert abs(served["flood"] - served["other"]) <= 2


def test_shares_of_keys_that_are_gone_are_forgotten() -> None:
    driver = Driver()
    driver.serve("m", 1)
    driver.asks(2, key="stays")
    for number in range(5000):
        driver.ask(key=f"once-{number}")
        driver.ask(key="stays")
        driver.finish(driver.running()[0])
        driver.finish(driver.running()[0])
    (band,) = driver.queue.models["m"].pool.bands.values()
    assert len(band.shares) < 1000
    driver.drain()
    assert not driver.queue.models["m"].pool.bands


def test_keys_that_come_once_each_are_forgotten_too() -> None:
    driver = Driver()
    driver.serve("m", 1)
    driver.ask(key="first")
    for number in range(5000):
        driver.ask(key=f"once-{number}")
        driver.finish(driver.running()[0])
    (band,) = driver.queue.models["m"].pool.bands.values()
    assert len(band.shares) < 1000


def test_no_stream_of_new_keys_keeps_an_old_one_waiting() -> None:
    driver = Driver(output_tokens=0)
    driver.serve("m", 1)
    driver.ask(key="old", prompt=5_000)
    old = driver.ask(key="old", prompt=100)
    for number in range(1000):
        driver.ask(key=f"new-{number}", prompt=100)
        driver.finish(driver.running()[0])
        if old in driver.went:
            break
    # Two or three keys share 100 tokens a time, until each has had as many as the old one.
    assert driver.went.index(old) < 3 * 5_000 / 100


def test_what_a_full_model_withheld_is_made_up_for_only_so_far() -> None:
    driver = Driver(PoolLimits("gpu", frozenset("xy"), budget=9.0), output_tokens=0)
    driver.serve("x", 1)
    driver.serve("y", 1)
    driver.ask("x", "blocked", prompt=1_000)
    driver.ask("x", "blocked", prompt=1_000)
    for _ in range(1000):
        driver.ask("y", "busy", prompt=1_000)
    for _ in range(500):
        driver.finish(driver.running()[1])
    for _ in range(500):
        driver.ask("y", "blocked", prompt=1_000)
    before = len(driver.went)
    for _ in range(200):
        driver.finish(driver.running()[1])
    made_up = 0
    for name in driver.went[before:]:
        if driver.tickets[name].key != "blocked":
            break
        made_up += 1
    assert ARREARS / 1_000 - 2 <= made_up <= ARREARS / 1_000 + 2
