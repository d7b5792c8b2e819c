"""vram_overcommit: all models against all accelerators."""

import pytest

from processors.patterns.vram_overcommit import PATTERN, VramOvercommit, judge
from processors.windows.slot import GpuSlot, ModelSlot
from processors.windows.window import Window
from schemas.events.reading import NAN
from tests.slots import gpu_slot, model_slot, runtime_slot, slot, window

LIMITS = VramOvercommit()
CARD = gpu_slot(name="NVIDIA GeForce RTX 4090", memory_total_bytes=24e9, memory_used_bytes=20e9)


def loaded(*models: ModelSlot, gpus: tuple[GpuSlot, ...] = (CARD,), kind: str = "ollama") -> Window:
    runtimes = (runtime_slot("ollama:11434", kind=kind),)
    return window(60, lambda index: slot(index, models=models, gpus=gpus, runtimes=runtimes))


def ollama_model(name: str, vram: float, parameters: float = NAN) -> ModelSlot:
    return model_slot(
        name, runtime_id="ollama:11434", vram_bytes=vram, parameters=parameters, quantization="q4_k_m"
    )


def test_nine_tenths() -> None:
    found = judge(loaded(ollama_model("a", 21.6e9)), LIMITS)
    assert (found.holds, found.severity, found.subjects) == (True, "warning", ("a",))
    assert found.evidence[0].value == pytest.approx(0.9)
    assert found.text == "1 loaded model needs 21.6 GB of 24.0 GB of accelerator memory"
    assert judge(loaded(ollama_model("a", 21.5e9)), LIMITS).holds is False


def test_almost_all_is_critical() -> None:
    assert judge(loaded(ollama_model("a", 23.5e9)), LIMITS).severity == "warning"
    assert judge(loaded(ollama_model("a", 23.6e9)), LIMITS).severity == "critical"


def test_all_models_count() -> None:
    models = [ollama_model(name, 8e9) for name in "abc"]
    assert judge(loaded(*models), LIMITS).subjects == ("a", "b", "c")
    assert judge(loaded(*models[:2]), LIMITS).holds is False


def test_a_model_that_did_not_fit_counts_whole() -> None:
    # 70.6 billion at 4.9 bits are 43 GB; 20 of them are in accelerator memory, the rest is on the CPU.
    found = judge(loaded(ollama_model("llama3.3:70b", 20e9, 70.6e9)), LIMITS)
    assert (found.holds, found.severity) == (True, "critical")


def test_all_accelerators_count_and_parts_of_them_do_not() -> None:
    both = (CARD, CARD._replace(gpu_id="GPU-2"))
    assert judge(loaded(ollama_model("llama3.3:70b", 40e9, 68e9), gpus=both), LIMITS).holds is False
    part = CARD._replace(gpu_id="MIG-1", whole=False)
    assert judge(loaded(ollama_model("a", 22e9), gpus=(CARD, part)), LIMITS).holds is True


def test_what_a_server_reserves_is_not_need() -> None:
    reserved = gpu_slot(memory_used_bytes=0.92 * 80e9)
    model = model_slot("llama-3.1-8b", runtime_id="ollama:11434", vram_bytes=NAN, quantization="")
    assert judge(loaded(model, gpus=(reserved,), kind="vllm"), LIMITS).holds is None
    told = model._replace(quantization="fp16")
    assert judge(loaded(told, gpus=(reserved,), kind="vllm"), LIMITS).holds is False


def test_a_model_on_the_cpu_was_put_there_unless_the_card_is_full() -> None:
    aside = ollama_model("nomic-70b", 0.0, 70e9)
    free = CARD._replace(memory_used_bytes=2e9)
    assert judge(loaded(ollama_model("a", 6e9), aside, gpus=(free,)), LIMITS).holds is False
    assert judge(loaded(ollama_model("a", 6e9), aside), LIMITS).holds is True


def test_a_swap_of_models_passes_through() -> None:
    def pane(index: int) -> object:
        both = (ollama_model("a", 12e9), ollama_model("b", 12e9))
        return slot(index, gpus=(CARD,), models=both if index in (2, 3) else both[:1])

    assert judge(window(60, pane), LIMITS).holds is False  # type: ignore[arg-type]


def test_without_sizes_nothing_is_known() -> None:
    assert judge(loaded(ollama_model("phi-4", NAN)), LIMITS).holds is None
    # One of two: what is known is not too much, and the other may be.
    assert judge(loaded(ollama_model("phi-4", NAN), ollama_model("a", 5e9)), LIMITS).holds is None
    assert judge(loaded(gpus=()), LIMITS).holds is None
    # A runtime that answers and has loaded nothing needs nothing; one that does not answer is unknown.
    assert judge(loaded(), LIMITS).holds is False
    silent = window(60, lambda index: slot(index, models=(), gpus=(CARD,), runtimes=()))
    assert judge(silent, LIMITS).holds is None
    assert judge(loaded(ollama_model("a", 8e9), gpus=()), LIMITS).holds is None


def test_it_steers_away() -> None:
    assert set(PATTERN.hints.values()) == {"steer_away"}
