"""queue_stall: requests, and nothing comes of them."""

from typing import Any

from processors.panes import histogram
from processors.patterns.queue_stall import QueueStall, judge
from processors.windows.slot import Slot
from processors.windows.window import Window
from schemas.events.reading import NAN
from tests.slots import gpu_slot, request_slot, runtime_slot, slot, window

LIMITS = QueueStall()
SPINNING = gpu_slot(utilization_ratio=1.0, power_w=130.0)
PREFILL = gpu_slot(utilization_ratio=1.0, power_w=680.0)


def stalled(panes: int, gpus: tuple[Any, ...] = (SPINNING,), **host: Any) -> Window:
    """The newest panes without a token."""

    def pane(index: int) -> Slot:
        share = 1.0 if index >= 60 - panes else 0.0
        return slot(index, gpus=gpus, runtimes=(runtime_slot(stalled=share, generation_tokens=0.0),), **host)

    return window(600, pane)


def test_a_minute_with_the_hardware_at_rest() -> None:
    found = judge(stalled(6), LIMITS)
    assert (found.holds, found.severity, found.subjects) == (True, "warning", ("vllm:8000",))
    assert found.text == "vllm:8000 has requests and has made no progress for 60 s"
    assert judge(stalled(5), LIMITS).holds is False


def test_two_minutes_are_critical() -> None:
    assert judge(stalled(11), LIMITS).severity == "warning"
    assert judge(stalled(12), LIMITS).severity == "critical"


def test_a_long_prompt_keeps_the_hardware_at_work() -> None:
    assert judge(stalled(20, (PREFILL,)), LIMITS).holds is False
    assert judge(stalled(24, (PREFILL,)), LIMITS).holds is True


def test_on_a_cpu_too() -> None:
    assert judge(stalled(20, (), cpu_ratio=0.95), LIMITS).holds is False
    assert judge(stalled(6, (), cpu_ratio=0.03), LIMITS).holds is True


def test_one_token_is_progress() -> None:
    moved = list(stalled(20).slots)
    moved[57] = slot(57)
    assert judge(window(600, moved), LIMITS).holds is False


def silent(
    panes: int, *, ttft_s: float = 1.0, total_s: float = 5.0, runtimes: tuple[Any, ...] = ()
) -> Window:
    """Routers see answers until the newest panes, and then none, while one waits."""
    parts = []
    for index in range(-2, 58):
        quiet = index >= 58 - panes
        parts.append(
            request_slot(
                index,
                routed=0.0 if quiet else 1.0,
                first_tokens=0.0 if quiet else 1.0,
                completed=0.0 if quiet else 1.0,
                finished=0.0 if quiet else 1.0,
                total_sum_s=0.0 if quiet else total_s,
                ttft=histogram.fold([] if quiet else [ttft_s]),
                open=1.0 if quiet else 0.0,
                oldest_silent_s=10.0 * (index - 57 + panes) if quiet else 0.0,
            )
        )
    return window(600, lambda index: slot(index, runtimes=runtimes, gpus=()), parts)


def test_where_nothing_is_counted_routers_tell() -> None:
    ollama = (runtime_slot("ollama:11434", generation_tokens=NAN, stalled=0.0),)
    assert judge(silent(13, runtimes=ollama), LIMITS).holds is True
    assert judge(silent(11, runtimes=ollama), LIMITS).holds is False
    assert judge(silent(13), LIMITS).subjects == ("llama-3.1-8b",)


def test_what_is_always_slow_must_be_slower_than_usual() -> None:
    assert judge(silent(14, ttft_s=50.0), LIMITS).holds is False
    assert judge(silent(18, ttft_s=50.0), LIMITS).holds is True
    # An answer that is not streamed is silent until it ends.
    assert judge(silent(17, total_s=60.0), LIMITS).holds is False


def test_where_tokens_are_counted_the_counters_have_the_say() -> None:
    assert judge(silent(30, runtimes=(runtime_slot(),)), LIMITS).holds is False


def test_an_idle_node_does_not_stall() -> None:
    idle = runtime_slot(stalled=0.0, generation_tokens=0.0, requests_running=0.0)
    assert judge(window(600, lambda i: slot(i, runtimes=(idle,))), LIMITS).holds is False


def test_without_counters_and_requests_nothing_is_known() -> None:
    ollama = runtime_slot("ollama:11434", generation_tokens=NAN)
    assert judge(window(600, lambda i: slot(i, runtimes=(ollama,))), LIMITS).holds is None
    assert judge(window(600, lambda i: slot(i, runtimes=())), LIMITS).holds is None
