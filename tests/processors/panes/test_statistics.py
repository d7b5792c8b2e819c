import math
import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.panes.statistics import EMPTY, deviation, fold, merge, merge_all, total
from schemas.events.node_pane import Statistic

NAN = float("nan")
READINGS = st.lists(st.floats(-1e9, 1e9) | st.just(NAN), max_size=30)


def close(one: Statistic, other: Statistic) -> bool:
    scale = max(1.0, abs(one.max) if one.n else 1.0, abs(one.min) if one.n else 1.0)
    pairs = zip(one, other, strict=True)
    return all(a == pytest.approx(b, rel=1e-9, abs=1e-6 * scale * scale, nan_ok=True) for a, b in pairs)


def test_by_hand() -> None:
    assert fold([1.0, NAN, 3.0, 2.0]) == Statistic(
        n=3, mean=2.0, m2=2.0, min=1.0, max=3.0, first=1.0, last=2.0
    )
    assert fold([5.0, 5.0]) == Statistic(2, 5.0, 0.0, 5.0, 5.0, 5.0, 5.0)


def test_nothing_is_not_zero() -> None:
    for nothing in ([], [NAN, NAN], [math.inf, -math.inf]):
        empty = fold(nothing)
        assert empty.n == 0
        assert math.isnan(empty.mean)
        assert math.isnan(total(nothing))
        assert math.isnan(deviation(empty))


@given(READINGS)
def test_agrees_with_the_standard_library(readings: list[float]) -> None:
    known = [reading for reading in readings if reading == reading]
    statistic = fold(readings)
    assert statistic.n == len(known)
    if known:
        assert statistic.mean == pytest.approx(statistics.fmean(known), rel=1e-12, abs=1e-9)
        assert (statistic.min, statistic.max) == (min(known), max(known))
        assert total(readings) == math.fsum(known)
    if len(known) > 1:
        assert deviation(statistic) == pytest.approx(statistics.stdev(known), rel=1e-6, abs=1e-3)


@given(READINGS, st.lists(st.integers(0, 30), max_size=6))
def test_any_split_merges_to_the_same(readings: list[float], cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(readings)) for cut in cuts), len(readings)]
    parts = [fold(readings[a:b]) for a, b in pairwise(places)]
    assert close(merge_all(parts), fold(readings))


@given(READINGS)
def test_merging_with_nothing_changes_nothing(readings: list[float]) -> None:
    statistic = fold(readings)
    for merged in (merge(statistic, EMPTY), merge(EMPTY, statistic)):
        assert repr(merged) == repr(statistic)
