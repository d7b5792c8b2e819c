"""Clocks: which cause lowers them how far, and which bit says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.simulator.hardware.chips import CHIPS
from producers.simulator.physics import dvfs, power
from producers.simulator.physics.activity import Activity
from producers.simulator.physics.dvfs import Governor


def governor(name: str = "h100-sxm") -> Governor:
    chip = CHIPS[name]
    return Governor(
        idle_w=chip.idle_w, limit_w=chip.limit_w, floor=chip.floor_clock_mhz / chip.busy_clock_mhz,
        target_c=chip.target_c, slowdown_c=chip.slowdown_c, memory_limit_c=chip.memory_limit_c,
    )  # fmt: skip


def reading() -> Activity:
    did = Activity()
    did.busy, did.prefill, did.traffic = 1.0, 1.0, 0.25
    return did


def writing(arithmetic: float = 0.1) -> Activity:
    did = Activity()
    did.busy, did.decode, did.traffic, did.arithmetic = 1.0, 1.0, 0.7, arithmetic
    return did


def steps(one: Governor, did: Activity, celsius: float, count: int = 1) -> None:
    for _ in range(count):
        one.step(did, celsius, 60.0, 1.0)


def test_nothing_holds_a_cool_one_down() -> None:
    one = governor()
    steps(one, writing(), 60.0)
    assert (one.clock, one.reasons) == (1.0, 0)
    assert 400 < one.power_w < 560


@pytest.mark.parametrize("name", CHIPS)
def test_full_work_stays_below_the_rating(name: str) -> None:
    one = governor(name)
    steps(one, reading(), 60.0)
    assert 0.9 * one.limit_w < one.power_w < 1.08 * one.limit_w


def test_without_work_clocks_rest_after_some_seconds() -> None:
    one = governor()
    steps(one, writing(), 60.0)
    steps(one, Activity(), 60.0)
    assert one.power_w > CHIPS["h100-sxm"].idle_w
    steps(one, Activity(), 60.0, 8)
    assert one.resting
    assert (one.power_w, one.reasons) == (72, dvfs.IDLE)


@given(st.floats(250, 650))
def test_a_power_cap_is_kept_and_told(limit_w: float) -> None:
    one = governor()
    one.limit_w = limit_w
    steps(one, reading(), 60.0)
    assert one.reasons == dvfs.POWER_CAP
    assert one.power_w == pytest.approx(limit_w, rel=0.01)
    assert one.floor <= one.clock < 1.0


def test_from_the_target_on_the_driver_takes_clock_away_bit_by_bit_and_gives_it_back() -> None:
    one = governor()
    steps(one, writing(), 88.0, 10)
    after_ten = one.clock
    assert one.reasons & dvfs.SW_THERMAL
    assert not one.reasons & dvfs.HW_THERMAL
    steps(one, writing(), 88.0, 10)
    assert one.clock < after_ten < 1.0
    steps(one, writing(), 70.0, 120)
    assert (one.clock, one.reasons) == (1.0, 0)


def test_at_the_slowdown_threshold_the_hardware_halves_it_until_it_is_cooler() -> None:
    one = governor()
    steps(one, writing(), 89.0)
    assert one.reasons & (dvfs.HW_SLOWDOWN | dvfs.HW_THERMAL) == dvfs.HW_SLOWDOWN | dvfs.HW_THERMAL
    assert one.clock <= 0.5
    steps(one, writing(), 86.0)
    assert one.reasons & dvfs.HW_THERMAL, "some degrees are not enough"
    steps(one, writing(), 83.0)
    assert not one.reasons & dvfs.HW_THERMAL


def test_hot_memory_counts_as_heat() -> None:
    one = governor()
    for _ in range(20):
        one.step(writing(), 70.0, 99.0, 1.0)
    assert one.reasons & dvfs.SW_THERMAL


def test_the_power_brake_is_told_apart() -> None:
    one = governor()
    one.brake = 1.0
    steps(one, writing(), 60.0)
    assert one.reasons == dvfs.HW_SLOWDOWN | dvfs.HW_POWER_BRAKE
    assert one.clock < 0.5


def test_no_cause_goes_below_the_floor() -> None:
    one = governor()
    one.limit_w = 90.0
    steps(one, reading(), 95.0, 300)
    assert one.clock == one.floor


@given(st.floats(0.01, 1.0))
def test_the_clock_for_a_power_is_the_inverse_of_the_power_at_a_clock(clock: float) -> None:
    assert power.clock_at(power.clock_power(clock)) == pytest.approx(clock, abs=0.001)
