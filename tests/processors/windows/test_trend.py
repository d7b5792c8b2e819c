"""Trends: real units, scatter, other causes."""

import math

import pytest

from processors.windows.trend import trend
from processors.windows.window import MINUTE_US

AT = [index * MINUTE_US // 6 for index in range(60)]


def test_a_line_is_found_in_units_a_minute() -> None:
    found = trend(AT, [5.0 - 0.3 * index / 6 for index in range(60)])
    assert found.per_minute == pytest.approx(-0.3)
    assert found.minutes == pytest.approx(59 / 6)
    assert found.level == pytest.approx(5.0 - 0.3 * 59 / 12)
    assert found.signal > 1e6


def test_gaps_do_not_change_the_slope() -> None:
    kept = [index for index in range(60) if index % 7 and not 20 < index < 31]
    found = trend([AT[index] for index in kept], [2.0 + 0.5 * index / 6 for index in kept])
    assert found.per_minute == pytest.approx(0.5)


def test_scatter_is_told_from_change() -> None:
    found = trend(AT, [10.0 + (1.0 if index % 2 else -1.0) for index in range(60)])
    assert found.signal < 1.0


def test_another_cause_is_held_fixed() -> None:
    load = [4.0 + 3.0 * math.sin(index) for index in range(60)]
    readings = [2.0 * cause - 0.1 * index / 6 for index, cause in enumerate(load)]
    assert trend(AT, readings, besides=[load]).per_minute == pytest.approx(-0.1)


def test_what_a_cause_explains_as_well_is_unknown() -> None:
    load = [10.0 - index / 6 for index in range(60)]
    found = trend(AT, [3.0 * cause for cause in load], besides=[load])
    assert math.isnan(found.per_minute)


def test_causes_that_say_the_same_count_once() -> None:
    load = [4.0 + 3.0 * math.sin(index) for index in range(60)]
    twice = [2.0 * cause for cause in load]
    readings = [cause + 0.2 * index / 6 for index, cause in enumerate(load)]
    assert trend(AT, readings, besides=[load, twice]).per_minute == pytest.approx(0.2)
    assert trend(AT, readings, besides=[load, [1.0] * 60]).per_minute == pytest.approx(0.2)


def test_heavy_readings_count_more() -> None:
    readings = [1.0 if index < 30 else 2.0 for index in range(60)]
    light = trend(AT, readings, weights=[1.0] * 30 + [0.001] * 30)
    assert light.level == pytest.approx(1.001, abs=1e-3)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_too_few_readings_tell_nothing(count: int) -> None:
    assert math.isnan(trend(AT[:count], [1.0] * count).per_minute)


@pytest.mark.parametrize("odd", [math.inf, -math.inf, 1e300, math.nan])
def test_what_cannot_be_a_reading_tells_nothing(odd: float) -> None:
    assert math.isnan(trend(AT, [odd if index == 30 else 1.0 for index in range(60)]).per_minute)


def test_one_moment_tells_nothing() -> None:
    assert math.isnan(trend([0] * 10, [float(index) for index in range(10)]).per_minute)
