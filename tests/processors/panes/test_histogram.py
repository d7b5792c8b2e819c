import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.panes.histogram import EMPTY, bucket_of, fold, merge, quantile, upper_bound

POSITIVE = st.floats(1e-290, 1e290)
READINGS = st.lists(POSITIVE | st.sampled_from([0.0, -1.0, float("nan"), math.inf]), max_size=40)


@pytest.mark.parametrize(
    ("value", "bucket"), [(1.0, -1), (1.0000001, 0), (2.0, 7), (2.0000001, 8), (0.5, -9)]
)
def test_bounds_belong_to_the_bucket_below(value: float, bucket: int) -> None:
    assert bucket_of(value) == bucket


@given(POSITIVE)
def test_a_bucket_holds_its_value(value: float) -> None:
    bucket = bucket_of(value)
    assert upper_bound(bucket - 1) < value <= upper_bound(bucket)
    assert upper_bound(bucket) / upper_bound(bucket - 1) == pytest.approx(2 ** (1 / 8), rel=1e-9)


@given(READINGS, st.integers(0, 40))
def test_any_split_merges_to_the_same(readings: list[float], cut: int) -> None:
    assert merge([fold(readings[cut:]), fold(readings[:cut]), EMPTY]) == fold(readings)


@given(st.lists(POSITIVE, min_size=1, max_size=60), st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_within_a_bucket_of_the_true_one(readings: list[float], share: float) -> None:
    true = sorted(readings)[max(1, math.ceil(share * len(readings))) - 1]
    assert true <= quantile(fold(readings), share) <= true * 1.0906


def test_zeros_count_for_quantiles() -> None:
    assert quantile(fold([0.0, 0.0, 0.0, 5.0]), 0.5) == 0.0
    assert math.isnan(quantile(EMPTY, 0.5))
