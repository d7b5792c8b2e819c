import pytest

from processors.patterns.pattern import Judgement
from processors.patterns.power_jitter import PowerJitter, judge
from processors.windows.slot import Slot
from schemas.events.reading import NAN
from tests.slots import gpu_slot, runtime_slot, slot, statistic, window


def jitter(
    spread_w: float,
    *,
    mean_w: float = 500.0,
    steady: int = 30,
    utilization: float = 0.95,
    active: float = 1.0,
) -> Judgement:
    """Half of the seconds ``spread_w`` above the mean and half below, in the first ``steady`` panes."""

    def make(index: int) -> Slot:
        is_steady = index < steady
        gpu = gpu_slot(
            utilization_ratio=utilization if is_steady else 0.4, active=active if is_steady else 0.5
        )
        power = statistic(mean_w, spread=spread_w if is_steady else 0.4 * mean_w)
        return slot(index, gpus=(gpu,), power_w=power)

    return judge(window(300, make), PowerJitter())


@pytest.mark.parametrize(("spread_w", "holds"), [(120.0, True), (117.0, False)])
def test_a_quarter_within_ten_seconds(spread_w: float, holds: bool) -> None:
    """Of ten seconds the deviation is 1.054 times the spread."""
    assert jitter(spread_w).holds is holds


@pytest.mark.parametrize(("steady", "holds"), [(9, True), (8, False)])
def test_work_that_comes_and_goes_is_no_jitter(steady: int, holds: bool) -> None:
    assert jitter(200.0, steady=steady).holds is holds
    assert jitter(200.0, utilization=0.8).holds is False
    assert jitter(200.0, active=0.9).holds is False


def test_heat_that_comes_and_goes_is_heat() -> None:
    gpu = gpu_slot(utilization_ratio=0.95)
    power = statistic(500.0, spread=150.0)
    for hot, holds in ((0.0, True), (0.3, False)):
        slots = [slot(index, gpus=(gpu,), power_w=power, hot=hot) for index in range(30)]
        assert judge(window(300, slots), PowerJitter()).holds is holds


def test_slow_changes_are_no_jitter() -> None:
    slots = [
        slot(index, gpus=(gpu_slot(utilization_ratio=0.95),), power_w=300.0 + 10 * index)
        for index in range(30)
    ]
    assert judge(window(300, slots), PowerJitter()).holds is False


def test_one_rests_and_one_works() -> None:
    def make(index: int, other: float) -> Slot:
        gpus = (gpu_slot("A", utilization_ratio=0.95), gpu_slot("B", utilization_ratio=0.0, active=other))
        return slot(index, gpus=gpus, power_w=statistic(500.0, spread=150.0))

    assert judge(window(300, lambda index: make(index, 0.0)), PowerJitter()).holds is True
    assert judge(window(300, lambda index: make(index, 0.3)), PowerJitter()).holds is False


def test_little_power_says_nothing() -> None:
    assert jitter(3.0, mean_w=9.0).holds is False
    assert jitter(3.0, mean_w=11.0).holds is True


def herds(every: int, *, peak: float = 16.0, rest: float = 0.0) -> Judgement:
    def make(index: int) -> Slot:
        high = peak if index % every == 0 else rest
        runtime = runtime_slot(
            requests_running=high / 2, requests_running_min=rest, requests_running_max=high
        )
        return slot(index, runtimes=(runtime,))

    return judge(window(300, make), PowerJitter())


@pytest.mark.parametrize(("every", "holds"), [(3, True), (7, True), (10, False), (30, False)])
def test_herds_of_requests(every: int, holds: bool) -> None:
    """Every 70 s is five herds in five minutes, every 100 s three."""
    assert herds(every).holds is holds


def test_a_few_requests_are_no_herd() -> None:
    assert herds(3, peak=15.0).holds is False
    assert herds(3, rest=4.0).holds is False


def test_unknown() -> None:
    assert jitter(200.0, mean_w=NAN).holds is None
    slots = [slot(index, gpus=()) for index in range(30)]
    assert judge(window(300, slots), PowerJitter()).holds is None
