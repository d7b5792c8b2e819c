"""swap_io_pressure: written to most of the time."""

from processors.patterns.swap_io_pressure import SwapIoPressure, judge
from processors.windows.window import Window
from schemas.events.reading import NAN
from tests.slots import slot, window

LIMITS = SwapIoPressure()


def swapping(panes: int, rate: float = 3e6) -> Window:
    return window(300, lambda index: slot(index, swap_out_bytes_per_s=rate if index < panes else 0.0))


def test_seven_panes_of_ten() -> None:
    found = judge(swapping(21), LIMITS)
    assert (found.holds, found.severity, found.confidence) == (True, "warning", 0.7)
    assert found.text == "2.1 MB/s written to swap, in 70% of 5 minutes"
    assert judge(swapping(20), LIMITS).holds is False


def test_the_rate_must_be_above_the_limit() -> None:
    assert judge(swapping(30, 2.0e6), LIMITS).holds is False
    assert judge(swapping(30, 2.1e6), LIMITS).holds is True


def test_a_storm_is_critical() -> None:
    assert judge(swapping(30, 1.0e7), LIMITS).severity == "warning"
    assert judge(swapping(30, 1.1e7), LIMITS).severity == "critical"


def test_a_short_burst_is_none() -> None:
    assert judge(swapping(3, 5e8), LIMITS).holds is False


def test_without_the_reading_nothing_is_known() -> None:
    assert judge(swapping(30, NAN), LIMITS).holds is None
