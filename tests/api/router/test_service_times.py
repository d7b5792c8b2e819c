import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.router.service_times import HALF, Line, Mean, ServiceTimes

times = st.floats(0.0, 1000.0)


def test_nothing_is_known_before_the_first_sample() -> None:
    assert math.isnan(Mean().value)
    assert all(map(math.isnan, ServiceTimes().speed(0.001)))


def test_sixteen_later_samples_halve_the_weight_of_one() -> None:
    mean = Mean()
    mean.add(1.0)
    for _ in range(int(HALF)):
        mean.add(0.0)
    assert mean.total == pytest.approx(0.5)


@given(st.lists(times, min_size=1))
def test_a_mean_is_within_its_samples(samples: list[float]) -> None:
    mean = Mean()
    for sample in samples:
        mean.add(sample)
    assert min(samples) - 1e-6 <= mean.value <= max(samples) + 1e-6


def test_a_line_finds_base_and_slope() -> None:
    line = Line()
    for tokens in (100, 2000, 500, 4000) * 3:
        line.add(tokens, 0.2 + 0.0004 * tokens)
    assert line.solve(0.001) == pytest.approx((0.2, 0.0004))


def test_prompts_of_one_length_do_not_tell_the_slope_which_is_then_taken_for_the_usual_one() -> None:
    line = Line()
    for _ in range(5):
        line.add(100, 0.3)
    assert line.solve(0.001) == pytest.approx((0.2, 0.001))
    assert line.solve(0.5) == pytest.approx((0.0, 0.003))  # never more than all of it


@given(st.lists(st.tuples(st.floats(0, 1e5), times), min_size=1))
def test_a_line_never_falls_and_never_begins_below_zero(samples: list[tuple[float, float]]) -> None:
    line = Line()
    for tokens, seconds in samples:
        line.add(tokens, seconds)
    base, slope = line.solve(0.001)
    assert base >= 0.0
    assert slope >= 0.0


def test_a_load_is_what_a_first_token_took_longer_than_usual() -> None:
    found = ServiceTimes()
    found.first_token(0.3, 100, was_loaded=True, prefill_s=0.001)
    found.first_token(9.3, 100, was_loaded=False, prefill_s=0.001)
    speed = found.speed(0.001)
    assert speed.load_s == pytest.approx(9.0)
    assert speed.first_token_s + 100 * speed.prefill_s == pytest.approx(0.3)


def test_short_answers_do_not_tell_the_time_of_a_token() -> None:
    found = ServiceTimes()
    found.answered(1.0, 0.5, 3)
    assert math.isnan(found.decode.value)
    found.answered(1.0, 0.5, 11)
    assert found.decode.value == pytest.approx(0.05)
    assert found.service.value == 1.0
