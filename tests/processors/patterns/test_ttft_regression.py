"""ttft_regression: first tokens later, in seconds a minute and against the node's own level."""

from collections.abc import Callable

import pytest

from processors.patterns.ttft_regression import TtftRegression, judge
from processors.windows.slot import Slot
from processors.windows.window import Window
from schemas.events.reading import NAN
from tests.slots import request_slot, runtime_slot, slot, window

LIMITS = TtftRegression()
WIGGLE = (0.97, 1.0, 1.03, 1.0)


def ttft(seconds: Callable[[int], float], *, count: Callable[[int], float] = lambda _: 5.0) -> Window:
    def pane(index: int) -> Slot:
        n = count(index)
        mean = seconds(index) * WIGGLE[index % 4]
        return slot(index, runtimes=(runtime_slot(ttft_sum_s=mean * n, ttft_count=n),))

    return window(600, pane)


def test_it_doubles() -> None:
    found = judge(ttft(lambda index: 0.3 * (1.0 + 2.0 * index / 59)), LIMITS)
    assert (found.holds, found.severity) == (True, "warning")
    # Early mean 0.3 x 1.49, late 0.3 x 2.71; 0.6 s in 59/6 minutes.
    assert found.evidence[1].value == pytest.approx(1.82, abs=0.02)
    assert found.evidence[-1].value == pytest.approx(0.061, abs=0.003)
    assert "0.81 s, 0.45 s some minutes ago" in found.text


def test_below_the_ratio_it_is_none() -> None:
    assert judge(ttft(lambda index: 0.3 * (1.0 + 1.7 * index / 59)), LIMITS).holds is False


def test_nobody_minds_a_moment() -> None:
    assert judge(ttft(lambda index: 0.06 * (1.0 + 4.0 * index / 59)), LIMITS).holds is False
    assert judge(ttft(lambda index: 0.07 * (1.0 + 4.0 * index / 59)), LIMITS).holds is True


def test_a_slow_node_is_no_regression() -> None:
    assert judge(ttft(lambda _: 8.0), LIMITS).holds is False


def test_it_is_critical_when_large_in_both_ways() -> None:
    assert judge(ttft(lambda index: 0.4 if index < 30 else 2.2), LIMITS).severity == "critical"
    assert judge(ttft(lambda index: 0.4 if index < 30 else 1.5), LIMITS).severity == "warning"
    assert judge(ttft(lambda index: 2.0 if index < 30 else 5.0), LIMITS).severity == "warning"


def test_requests_count_and_not_panes() -> None:
    """One slow request in a pane of its own is not what forty in another are."""

    def few(index: int) -> float:
        return 40.0 if index % 2 else 1.0

    def spiky(index: int) -> float:
        return 0.4 if index % 2 or index < 42 else 3.0

    assert judge(ttft(spiky, count=few), LIMITS).holds is False


def test_few_requests_tell_nothing() -> None:
    assert judge(ttft(lambda i: 1.0 + i, count=lambda i: float(i % 5 == 0)), LIMITS).holds is None


def test_single_slow_requests_are_scatter() -> None:
    assert judge(ttft(lambda index: 9.0 if index in (44, 57) else 0.5), LIMITS).holds is False


def test_routers_tell_where_runtimes_do_not() -> None:
    mute = (runtime_slot("ollama:11434", ttft_sum_s=NAN, ttft_count=NAN),)
    parts = [
        request_slot(index, ttft_sum_s=2.0 * (0.5 if index < 28 else 1.5) * WIGGLE[index % 4], ttft_count=2.0)
        for index in range(-2, 58)
    ]
    seen = window(600, lambda index: slot(index, runtimes=mute), parts)
    assert judge(seen, LIMITS).holds is True
    assert judge(window(600, lambda index: slot(index, runtimes=mute)), LIMITS).holds is None


def test_a_runtime_that_counts_has_the_say() -> None:
    quiet = (runtime_slot(ttft_sum_s=0.0, ttft_count=0.0),)
    parts = [request_slot(index, ttft_sum_s=9.0, ttft_count=5.0) for index in range(58)]
    assert judge(window(600, lambda index: slot(index, runtimes=quiet), parts), LIMITS).holds is None
