from collections.abc import Mapping

from api.router.queue.limits import PoolLimits
from api.router.queue_metrics import QueueCollector
from tests.api.router.queue.driver import Driver


def shown(it: Driver) -> Mapping[str, float]:
    families = QueueCollector(it.queue, lambda: it.now).collect()
    samples = [sample for family in families for sample in family.samples]
    return {
        " ".join((sample.name.removeprefix("penstock_router_"), *sample.labels.values())): sample.value
        for sample in samples
    }


def test_what_waits_and_what_is_taken() -> None:
    it = Driver(PoolLimits("gpu", frozenset("m"), budget=1.0, costs={"m": 0.25}))
    it.serve("m", 3)
    it.serve("n", None)
    it.asks(3)
    it.now = 5.0
    it.asks(2)
    it.ask("nobody serves this")
    it.ask("n")
    it.now = 7.0
    assert shown(it) == {
        "requests_waiting m": 2,
        "requests_running m": 3,
        "requests_waiting n": 0,
        "requests_running n": 1,
        "places_used_ratio m": 1.0,
        "pool_used_ratio gpu": 0.75,
        "queue_oldest_seconds": 2.0,
    }


def test_an_empty_queue() -> None:
    assert shown(Driver()) == {"queue_oldest_seconds": 0.0}
