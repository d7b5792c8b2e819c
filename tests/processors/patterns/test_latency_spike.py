"""latency_spike: requests take longer, and not because answers are."""

import pytest

from processors.patterns.latency_spike import LatencySpike, judge
from processors.windows.slot import Slot
from processors.windows.window import Window
from schemas.events.reading import NAN
from tests.slots import changed, request_slot, runtime_slot, slot, window

LIMITS = LatencySpike()


def latency(
    before: float, since: float, *, tokens: tuple[float, float] = (1000.0, 1000.0), n: float = 5.0
) -> Window:
    def pane(index: int) -> Slot:
        late = index >= 36
        mean = since if late else before
        return slot(
            index,
            runtimes=(runtime_slot(e2e_sum_s=mean * n, e2e_count=n, generation_tokens=tokens[late]),),
        )

    return window(600, pane)


def test_the_ratio() -> None:
    found = judge(latency(4.0, 6.0), LIMITS)
    assert (found.holds, found.severity) == (True, "warning")
    assert found.evidence[1].value == pytest.approx(1.5)
    assert found.text == "requests take 6.0 s, 4.0 s some minutes ago"
    assert judge(latency(4.0, 5.9), LIMITS).holds is False


def test_three_times_is_critical_and_ten_seconds_are_not() -> None:
    assert judge(latency(4.0, 12.0), LIMITS).severity == "warning"
    assert judge(latency(4.0, 12.1), LIMITS).severity == "critical"
    assert judge(latency(30.0, 60.0), LIMITS).severity == "warning"


def test_longer_answers_take_longer() -> None:
    assert judge(latency(4.0, 12.0, tokens=(1000.0, 3000.0)), LIMITS).holds is False
    assert judge(latency(4.0, 12.0, tokens=(1000.0, 2200.0)), LIMITS).holds is True


def test_nobody_minds_half_a_second() -> None:
    assert judge(latency(0.1, 0.49), LIMITS).holds is False
    assert judge(latency(0.1, 0.50), LIMITS).holds is True


def test_one_slow_minute_is_no_spike() -> None:
    slow = [
        changed(one, runtimes=(one.runtimes[0]._replace(e2e_sum_s=20.0 if index < 54 else 200.0),))
        for index, one in enumerate(latency(4.0, 4.0).slots)
    ]
    assert judge(window(600, slow), LIMITS).holds is False
    longer = [
        changed(one, runtimes=(one.runtimes[0]._replace(e2e_sum_s=20.0 if index < 42 else 60.0),))
        for index, one in enumerate(slow)
    ]
    assert judge(window(600, longer), LIMITS).holds is True


def test_few_requests_tell_nothing() -> None:
    assert judge(latency(4.0, 40.0, n=0.25), LIMITS).holds is None


def test_causes_are_named_where_they_show() -> None:
    full = [
        one._replace(
            runtimes=(one.runtimes[0]._replace(kv_cache_ratio=0.9, requests_waiting=4.0),),
            swap_out_bytes_per_s=9e6,
            thermal_penalty=1.5,
        )
        for one in latency(4.0, 9.0).slots
    ]
    text = judge(window(600, full), LIMITS).text
    assert text.endswith("; also: cache nearly full, requests waiting, heat, swapping")


def test_routers_tell_where_runtimes_do_not() -> None:
    mute = (runtime_slot("ollama:11434", e2e_sum_s=NAN, e2e_count=NAN),)
    parts = [
        request_slot(
            index,
            total_sum_s=8.0 if index < 34 else 20.0,
            completed=2.0,
            finished=2.0,
            completion_tokens=200.0,
        )
        for index in range(-2, 58)
    ]
    assert judge(window(600, lambda index: slot(index, runtimes=mute), parts), LIMITS).holds is True
    untold = [part._replace(completion_tokens=NAN) for part in parts]
    found = judge(window(600, lambda index: slot(index, runtimes=mute), untold), LIMITS)
    assert found.holds is True
    assert found.confidence < 0.8
    assert judge(window(600, lambda index: slot(index, runtimes=mute)), LIMITS).holds is None


def test_errors_come_quickly_and_are_no_measure() -> None:
    mute = (runtime_slot("ollama:11434", e2e_sum_s=NAN, e2e_count=NAN),)
    parts = []
    for index in range(-2, 58):
        failed = 4.0 if index < 34 else 0.0
        parts.append(
            request_slot(index, total_sum_s=8.4, completed=1.0, failed=failed, finished=1.0 + failed)
        )
    assert judge(window(600, lambda index: slot(index, runtimes=mute), parts), LIMITS).holds is None
