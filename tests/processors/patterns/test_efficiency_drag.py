from processors.patterns.efficiency_drag import EfficiencyDrag, judge
from processors.patterns.pattern import Judgement
from schemas.events.reading import NAN
from tests.slots import gpu_slot, slot, window


def drag(*mhz: float, utilization: float = 0.9, **readings: float) -> Judgement:
    """Accelerators at these clocks, all at work."""
    gpus = tuple(
        gpu_slot(f"GPU-{n}", sm_clock_mhz=each, utilization_ratio=utilization) for n, each in enumerate(mhz)
    )
    return judge(window(300, lambda index: slot(index, gpus=gpus, **readings)), EfficiencyDrag())


def test_the_slowest_holds_the_others_back() -> None:
    found = drag(1980.0, 1980.0, 1980.0, 1386.0)
    assert found.holds is True
    assert found.subjects == ("GPU-3",)
    assert found.text == "GPU-3 runs 30% slower than the others, which wait for it"
    assert drag(1980.0, 1980.0, 1980.0, 1390.0).holds is False


def test_slowdowns_without_heat() -> None:
    assert drag(1980.0, thermal_penalty=1.43).holds is True
    assert drag(1980.0, thermal_penalty=1.42).holds is False


def test_heat_is_thermal_drain() -> None:
    assert drag(1980.0, 1000.0, hot=0.3).holds is True
    assert drag(1980.0, 1000.0, hot=0.31).holds is False


def test_not_without_work() -> None:
    assert drag(1980.0, 1000.0, live=0.29).holds is False
    assert drag(1980.0, 345.0, utilization=0.1).holds is False


def test_different_boards_are_not_compared() -> None:
    gpus = (gpu_slot("GPU-0"), gpu_slot("GPU-1", name="NVIDIA L4", sm_clock_mhz=900.0))
    found = judge(window(300, lambda index: slot(index, gpus=gpus)), EfficiencyDrag())
    assert found.holds is False


def test_without_penalties_unknown() -> None:
    assert drag(1980.0, thermal_penalty=NAN).holds is None
    assert drag(1980.0, live=NAN).holds is None
