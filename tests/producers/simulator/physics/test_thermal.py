"""Heat: where a body comes to rest, how it gets there, and what fans do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.simulator.hardware.chips import CHIPS
from producers.simulator.physics.thermal import OWN_FANS, SERVER_FANS, Body, air, cooling

NVIDIA = {name: chip for name, chip in CHIPS.items() if chip.vendor == "nvidia"}


def body(name: str = "h100-sxm", air_c: float = 25.0) -> Body:
    chip = CHIPS[name]
    fans = OWN_FANS if chip.fans else SERVER_FANS
    made = cooling(full_c=chip.full_c, full_w=chip.limit_w, memory_rise_c=chip.memory_rise_c, fans=fans)
    return Body(made, air_c)


@pytest.mark.parametrize("name", CHIPS)
def test_at_full_power_it_rests_at_the_measured_temperature(name: str) -> None:
    one, chip = body(name), CHIPS[name]
    one.settle(chip.limit_w, 0.5, 25.0)
    assert one.die_c == pytest.approx(chip.full_c, abs=0.5)


@pytest.mark.parametrize("name", CHIPS)
def test_a_healthy_one_stays_clear_of_its_thresholds_even_in_warm_air(name: str) -> None:
    one, chip = body(name), CHIPS[name]
    one.settle(chip.limit_w, 1.0, 30.0)
    assert one.die_c < chip.target_c - 3
    assert one.memory_c < chip.memory_limit_c - 8


@given(st.floats(0, 700), st.floats(10, 45))
def test_at_rest_what_comes_in_goes_out(power_w: float, air_c: float) -> None:
    one = body()
    one.settle(power_w, 0.0, air_c)
    rise_c = power_w / one.conductance + power_w * one.cooling.die_k_per_w
    assert one.die_c == pytest.approx(air_c + rise_c, abs=0.3)


def test_it_warms_up_slowly_and_without_overshoot() -> None:
    one = body()
    one.settle(72.0, 0.0, 25.0)
    seen = []
    for _ in range(300):
        one.heat(700.0, 0.5, 25.0, 1.0)
        seen.append(one.die_c)
    assert seen == sorted(seen)
    assert seen[0] < 50 < seen[-1] < 70
    assert 15 < next(second for second, celsius in enumerate(seen) if celsius > 60) < 120


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_air_cools_more(one: float, other: float) -> None:
    assert (air(one) - air(other)) * (one - other) >= 0


def test_without_air_it_is_hot_at_rest_and_hopeless_at_work() -> None:
    one = body()
    one.blow(0.0)
    one.settle(72.0, 0.0, 25.0)
    assert 40 < one.die_c < 60
    one.settle(400.0, 0.5, 25.0)
    assert one.die_c > 120


def test_own_fans_stop_when_cool_and_those_of_a_server_never() -> None:
    assert OWN_FANS.ratio(40.0) == 0.0 < SERVER_FANS.ratio(40.0)
    assert OWN_FANS.ratio(100.0) == SERVER_FANS.ratio(100.0) == 1.0
