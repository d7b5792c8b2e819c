"""vllm_queue_saturation: waiting, most of the time, against what runs."""

from collections.abc import Callable

from processors.patterns.vllm_queue_saturation import QueueSaturation, judge
from processors.windows.window import Window
from schemas.events.reading import NAN
from tests.slots import runtime_slot, slot, window

LIMITS = QueueSaturation()


def queue(waiting: Callable[[int], float] | float, running: float = 4.0) -> Window:
    def at(index: int) -> float:
        return waiting(index) if callable(waiting) else waiting

    return window(
        300,
        lambda index: slot(
            index, runtimes=(runtime_slot(requests_waiting=at(index), requests_running=running),)
        ),
    )


def test_three_that_wait() -> None:
    found = judge(queue(3.0), LIMITS)
    assert (found.holds, found.severity, found.subjects) == (True, "warning", ("vllm:8000",))
    assert found.text == "3 requests wait in vllm:8000 while 4 are served"
    assert judge(queue(2.9), LIMITS).holds is False


def test_behind_a_large_batch_three_are_nothing() -> None:
    assert judge(queue(5.0, running=64.0), LIMITS).holds is False
    assert judge(queue(7.0, running=64.0), LIMITS).holds is True


def test_one_spike_does_not_fire_for_five_minutes() -> None:
    assert judge(queue(lambda index: 8.0 if index == 29 else 0.0), LIMITS).holds is False
    assert judge(queue(lambda index: 500.0 if index >= 27 else 0.0), LIMITS).holds is False


def test_it_must_be_most_of_the_time() -> None:
    assert judge(queue(lambda index: 6.0 if index < 18 else 0.0), LIMITS).holds is True
    assert judge(queue(lambda index: 6.0 if index < 17 else 0.0), LIMITS).holds is False


def test_many_or_more_and_more_are_critical() -> None:
    assert judge(queue(9.9), LIMITS).severity == "warning"
    assert judge(queue(10.0), LIMITS).severity == "critical"
    assert judge(queue(lambda index: 4.0 + index / 6 * 0.6), LIMITS).severity == "critical"
    assert judge(queue(lambda index: 5.0 + index / 6 * 0.4), LIMITS).severity == "warning"
    # Of a batch of 60, a queue of 10 is what 5 are of 30.
    assert judge(queue(10.0, running=60.0), LIMITS).severity == "warning"


def test_a_runtime_that_does_not_count_is_unknown() -> None:
    assert judge(queue(NAN), LIMITS).holds is None
