from typing import Any

import pytest

from processors.patterns.clock_drift import ClockDrift, judge
from processors.patterns.pattern import Judgement
from processors.windows.slot import Slot
from schemas.events.reading import NAN
from tests.slots import gpu_slot, slot, window

LIMITS = ClockDrift()


def clocks(*readings: dict[str, object], working: int = 30) -> Judgement:
    """Each of ``readings`` is one accelerator; it works in the first ``working`` panes."""

    def make(index: int) -> Slot:
        rest = {} if index < working else {"utilization_ratio": 0.0, "active": 0.0, "sm_clock_mhz": 345.0}
        return slot(index, gpus=tuple(gpu_slot(f"GPU-{n}", **{**r, **rest}) for n, r in enumerate(readings)))

    return judge(window(300, make), LIMITS)


@pytest.mark.parametrize(
    ("mhz", "holds", "severity"),
    [
        (1600.0, False, "warning"),  # of 1881 expected: 14.9 % less
        (1598.0, True, "warning"),
        (1224.0, True, "warning"),
        (1222.0, True, "critical"),
    ],
)
def test_against_the_rating(mhz: float, holds: bool, severity: str) -> None:
    found = clocks({"sm_clock_mhz": mhz})
    assert (found.holds, found.severity) == (holds, severity)


def test_a_boosted_board_never_reaches_its_maximum() -> None:
    board = {"name": "NVIDIA GeForce RTX 4090", "sm_clock_max_mhz": 3105.0}
    assert clocks({**board, "sm_clock_mhz": 2400.0}).holds is False
    assert clocks({**board, "sm_clock_mhz": 2100.0}).holds is True


def test_against_its_siblings() -> None:
    board = {"name": "NVIDIA GeForce RTX 4090", "sm_clock_max_mhz": 3105.0}
    found = clocks({**board, "sm_clock_mhz": 2700.0}, {**board, "sm_clock_mhz": 2250.0})
    assert found.holds is True
    assert found.subjects == ("GPU-1",)


@pytest.mark.parametrize("reason", ["throttled_thermal", "throttled_power"])
def test_heat_and_power_limits_are_told_elsewhere(reason: str) -> None:
    assert clocks({"sm_clock_mhz": 1200.0, reason: 0.25}).holds is True
    assert clocks({"sm_clock_mhz": 1200.0, reason: 0.3}).holds is False


def test_deep_slowdowns_by_heat_are_left_out() -> None:
    def make(index: int) -> Slot:
        hot: dict[str, Any] = {"sm_clock_mhz": 500.0, "throttled_thermal": 1.0} if index % 4 == 0 else {}
        return slot(index, gpus=(gpu_slot(**hot),))

    assert judge(window(300, make), LIMITS).holds is False


def test_a_power_brake_is_said() -> None:
    found = clocks({"sm_clock_mhz": 1300.0, "throttled_hardware": 0.5})
    assert found.holds is True
    assert "hardware" in found.text


def test_low_clocks_at_rest_are_right() -> None:
    assert clocks({"sm_clock_mhz": 1900.0}, working=0).holds is False
    assert clocks({"sm_clock_mhz": 1200.0}, working=8).holds is False
    assert clocks({"sm_clock_mhz": 1200.0}, working=9).holds is True


def test_what_cannot_be_told_is_unknown() -> None:
    assert clocks({"sm_clock_mhz": NAN}).holds is None
    assert clocks({"utilization_ratio": NAN}).holds is None
    assert clocks({"sm_clock_max_mhz": NAN}).holds is None
    assert clocks().holds is None
    assert clocks({"sm_clock_mhz": 1900.0}, {"sm_clock_mhz": NAN}).holds is None
    assert clocks({"sm_clock_mhz": 1200.0}, {"sm_clock_mhz": NAN}).holds is True


def test_a_lost_accelerator_is_not_judged() -> None:
    assert clocks({"sm_clock_mhz": 1900.0}, {"sm_clock_mhz": NAN, "lost": 1.0}).holds is False
