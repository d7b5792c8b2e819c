"""kv_thrash: work thrown away and done again."""

from processors.patterns.kv_thrash import KvThrash, judge
from processors.windows.slot import Slot
from processors.windows.window import Window
from schemas.events.reading import NAN
from tests.slots import runtime_slot, slot, window

LIMITS = KvThrash()


def preempting(count: int, finished: float = 2.0) -> Window:
    """``count`` preemptions in the last five minutes; ``finished`` requests a pane."""

    def pane(index: int) -> Slot:
        pushed = 1.0 if 59 - index < count else 0.0
        return slot(index, runtimes=(runtime_slot(preemptions=pushed, requests_finished=finished),))

    return window(600, pane)


def test_five_in_five_minutes() -> None:
    found = judge(preempting(5), LIMITS)
    assert (found.holds, found.severity, found.subjects) == (True, "warning", ("vllm:8000",))
    assert found.text == "5 requests pushed out of the batch of vllm:8000 in five minutes, 60 ended"
    assert judge(preempting(4), LIMITS).holds is False


def test_of_many_requests_five_are_nothing() -> None:
    assert judge(preempting(5, 3.3), LIMITS).holds is True  # 99 ended
    assert judge(preempting(5, 3.4), LIMITS).holds is False  # 102


def test_half_of_the_requests_are_critical() -> None:
    assert judge(preempting(10, 0.7), LIMITS).severity == "warning"  # 10 of 21
    assert judge(preempting(11, 0.7), LIMITS).severity == "critical"


def test_what_is_longer_ago_is_over() -> None:
    old = window(600, lambda i: slot(i, runtimes=(runtime_slot(preemptions=float(i < 30)),)))
    assert judge(old, LIMITS).holds is False


def hits(before: float, now: float, full: float) -> Window:
    def pane(index: int) -> Slot:
        share = before if index < 30 else now
        runtime = runtime_slot(
            preemptions=NAN,
            prompt_tokens=1000.0,
            cached_prompt_tokens=1000.0 * share,
            kv_cache_ratio=full if index >= 30 else 0.5,
        )
        return slot(index, runtimes=(runtime,))

    return window(600, pane)


def test_prefixes_that_are_evicted() -> None:
    found = judge(hits(0.6, 0.2, 0.95), LIMITS)
    assert found.holds is True
    assert found.text == "20% of prompt tokens come from the cache of vllm:8000, 60% before it was 95% full"
    assert judge(hits(0.6, 0.3, 0.95), LIMITS).holds is False
    # Other prompts, not a full cache.
    assert judge(hits(0.6, 0.1, 0.6), LIMITS).holds is False
    # There was next to nothing to lose.
    assert judge(hits(0.15, 0.0, 0.95), LIMITS).holds is False


def test_a_runtime_that_counts_neither_is_unknown() -> None:
    mute = runtime_slot("ollama:11434", preemptions=NAN, cached_prompt_tokens=NAN)
    assert judge(window(600, lambda i: slot(i, runtimes=(mute,))), LIMITS).holds is None
