"""vllm_kv_cache_saturation: full most of the time, whatever the runtime."""

from processors.patterns.vllm_kv_cache_saturation import KvCacheSaturation, judge
from processors.windows.slot import RuntimeSlot
from processors.windows.window import Window
from schemas.events.reading import NAN
from tests.slots import runtime_slot, slot, window

LIMITS = KvCacheSaturation()


def full_for(panes: int, ratio: float = 0.95, *others: RuntimeSlot, name: str = "vllm:8000") -> Window:
    def runtimes(index: int) -> tuple[RuntimeSlot, ...]:
        return (runtime_slot(name, kv_cache_ratio=ratio if index < panes else 0.4), *others)

    return window(300, lambda index: slot(index, runtimes=runtimes(index)))


def test_seven_panes_of_ten() -> None:
    found = judge(full_for(21), LIMITS)
    assert (found.holds, found.severity, found.subjects, found.confidence) == (
        True,
        "warning",
        ("vllm:8000",),
        0.7,
    )
    assert judge(full_for(20), LIMITS).holds is False


def test_nine_tenths_are_not_over_nine_tenths() -> None:
    assert judge(full_for(30, 0.90), LIMITS).holds is False
    assert judge(full_for(30, 0.91), LIMITS).holds is True


def test_any_runtime_and_each_on_its_own() -> None:
    other = runtime_slot("sglang:30000", kv_cache_ratio=0.2)
    found = judge(full_for(30, 0.95, other, name="vllm:8001"), LIMITS)
    assert found.subjects == ("vllm:8001",)
    assert judge(full_for(30, 0.95, name="llama-box:8080"), LIMITS).subjects == ("llama-box:8080",)


def test_a_runtime_that_does_not_tell_is_unknown() -> None:
    assert judge(full_for(30, NAN), LIMITS).holds is None
    mute = window(300, lambda i: slot(i, runtimes=(runtime_slot("ollama:11434", kv_cache_ratio=NAN),)))
    assert judge(mute, LIMITS).holds is None
    assert judge(window(300, lambda i: slot(i, runtimes=())), LIMITS).holds is None
