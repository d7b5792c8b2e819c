import pytest

from processors.patterns.pattern import Judgement
from processors.patterns.power_cap_throttle import PowerCapThrottle, judge
from processors.windows.slot import Slot
from schemas.events.reading import NAN
from tests.slots import gpu_slot, slot, window


def cap(working: int = 30, others: int = 0, **readings: float) -> Judgement:
    def make(index: int) -> Slot:
        work = {"active": 1.0} if index < working else {"active": 0.0}
        usual = {"throttled_power": 1.0, "power_limit_w": 400.0}
        others_at_work = [gpu_slot(f"GPU-B{n}") for n in range(others)]
        return slot(index, gpus=(gpu_slot("GPU-A", **{**usual, **work, **readings}), *others_at_work))

    return judge(window(300, make), PowerCapThrottle())


def test_a_limit_below_the_default_that_holds_the_clocks_down() -> None:
    found = cap()
    assert found.holds is True
    assert found.subjects == ("GPU-A",)
    assert "400 W of 700 W" in found.text


@pytest.mark.parametrize(("limit_w", "holds"), [(665.0, True), (666.0, False), (700.0, False)])
def test_boost_at_the_default_limit_is_ordinary(limit_w: float, holds: bool) -> None:
    """A healthy board at full load is held by its default limit, and says so."""
    assert cap(power_limit_w=limit_w).holds is holds


@pytest.mark.parametrize(("share", "holds"), [(0.5, True), (0.49, False), (0.0, False)])
def test_a_low_limit_that_is_not_reached(share: float, holds: bool) -> None:
    assert cap(throttled_power=share).holds is holds


@pytest.mark.parametrize(("working", "holds"), [(9, True), (8, False), (0, False)])
def test_at_work(working: int, holds: bool) -> None:
    assert cap(working).holds is holds


def test_one_of_eight() -> None:
    assert cap(others=7).subjects == ("GPU-A",)


def test_without_limits_unknown() -> None:
    assert cap(power_limit_w=NAN).holds is None
    assert cap(power_limit_default_w=NAN).holds is None
    assert cap(power_limit_default_w=0.0).holds is None
    assert cap(power_limit_default_w=NAN, throttled_power=0.0).holds is False
