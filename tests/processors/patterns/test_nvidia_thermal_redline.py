import pytest

from processors.patterns.nvidia_thermal_redline import NvidiaThermalRedline, judge
from processors.patterns.pattern import Judgement
from processors.windows.slot import Slot
from schemas.events.reading import NAN
from tests.slots import gpu_slot, slot, window


def redline(
    hot: int = 12, others: int = 0, last: dict[str, float] | None = None, **readings: float
) -> Judgement:
    """Two minutes; ``readings`` are of the last ``hot`` panes, ``last`` of the newest one besides."""

    def make(index: int) -> Slot:
        found = dict(readings) if index >= 12 - hot else {}
        if index == 11:
            found |= last or {}
        return slot(index, gpus=(gpu_slot("GPU-A", **found), *(gpu_slot(f"GPU-B{n}") for n in range(others))))

    return judge(window(120, make), NvidiaThermalRedline())


@pytest.mark.parametrize(
    ("temperature_c", "hot", "holds"),
    [(84.0, 12, True), (83.9, 12, False), (84.0, 9, True), (84.0, 8, False)],
)
def test_within_three_degrees_of_its_own_threshold(temperature_c: float, hot: int, holds: bool) -> None:
    """The board's slowdown threshold is 87 °C."""
    found = redline(hot, temperature_c=temperature_c)
    assert found.holds is holds
    assert found.severity == "warning"


def test_thresholds_are_the_boards() -> None:
    assert redline(temperature_c=88.0, temperature_slowdown_c=95.0).holds is False
    assert redline(temperature_c=92.0, temperature_slowdown_c=95.0).holds is True


def test_slowed_down_below_the_threshold() -> None:
    assert redline(temperature_c=82.0, throttled_thermal=0.5).holds is True
    assert redline(temperature_c=82.0, throttled_thermal=0.4).holds is False


def test_critical_at_once() -> None:
    found = redline(0, last={"temperature_c": 88.0, "thermal_critical": 0.5})
    assert (found.holds, found.severity) == (True, "critical")
    assert redline(0, last={"temperature_c": 88.0, "thermal_critical": 0.4}).holds is False


def test_one_of_eight() -> None:
    found = redline(others=7, temperature_c=86.0)
    assert found.subjects == ("GPU-A",)
    assert "GPU-A is at 86 °C" in found.text


def test_idle_or_not_makes_no_difference() -> None:
    assert redline(temperature_c=86.0, active=0.0, utilization_ratio=0.0).holds is True


def test_without_temperature_unknown() -> None:
    assert redline(temperature_c=NAN).holds is None
    assert redline(7, temperature_c=NAN).holds is None
    assert redline(6, temperature_c=NAN).holds is False


@pytest.mark.parametrize(("hot", "critical", "severity"), [(1.0, 0.0, "warning"), (1.0, 1.0, "critical")])
def test_apple_by_thermal_pressure(hot: float, critical: float, severity: str) -> None:
    gpu = gpu_slot("apple-gpu", vendor="apple", temperature_c=NAN, temperature_slowdown_c=NAN)
    slots = [slot(index, gpus=(gpu,), hot=hot, critical=critical) for index in range(12)]
    found = judge(window(120, slots), NvidiaThermalRedline())
    assert (found.holds, found.severity) == (True, severity)
    cool = judge(window(120, [slot(index, gpus=(gpu,)) for index in range(12)]), NvidiaThermalRedline())
    assert cool.holds is False
    unknown = [slot(index, gpus=(gpu,), thermal_known=0.0) for index in range(12)]
    assert judge(window(120, unknown), NvidiaThermalRedline()).holds is None


def test_without_accelerators_unknown() -> None:
    slots = [slot(index, gpus=(), hot=1.0) for index in range(12)]
    assert judge(window(120, slots), NvidiaThermalRedline()).holds is None
