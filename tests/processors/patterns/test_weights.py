"""Sizes of weights: as told, else by the name."""

import math

import pytest

from processors.patterns.weights import weights
from schemas.events.reading import NAN


@pytest.mark.parametrize(
    ("name", "parameters", "quantization", "gb"),
    [
        ("llama3.1:8b", 8.03e9, "Q4_K_M", 4.92),
        ("llama3.1:8b", 8.03e9, "Q8_0", 8.54),
        ("llama3.1:8b", 8.03e9, "Q2_K", 3.18),
        ("anything", 8.03e9, "F16", 16.06),
        ("meta-llama/Llama-3.3-70B-Instruct", NAN, "bf16", 140.0),
        ("neuralmagic/Llama-3.3-70B-Instruct-FP8", NAN, "", 70.0),
        ("Qwen/Qwen2.5-32B-Instruct-AWQ", NAN, "", 17.0),
        ("qwen2.5-0.5b", 0.0, "fp16", 1.0),
        ("mixtral:8x7b", NAN, "q4_0", 27.0),
    ],
)
def test_sizes(name: str, parameters: float, quantization: str, gb: float) -> None:
    found = weights(name, parameters, quantization)
    assert found.size_bytes / 1e9 == pytest.approx(gb, rel=0.02)
    assert found.told is (parameters > 0)


def test_a_mixture_reads_what_is_active() -> None:
    found = weights("qwen3-30b-a3b", 30.5e9, "q4_k_m")
    assert found.size_bytes / 1e9 == pytest.approx(18.7, rel=0.01)
    assert found.active_bytes / 1e9 == pytest.approx(1.84, rel=0.01)
    # Which of its experts a token needs does not follow from this name.
    assert math.isnan(weights("mixtral-8x7b", 46.7e9, "fp16").active_bytes)


@pytest.mark.parametrize(
    ("name", "parameters", "quantization"),
    [
        ("phi-4", NAN, "fp16"),
        ("meta-llama/Llama-3.3-70B-Instruct", NAN, ""),
        ("llama3.1:8b", 8e9, ""),
        ("llama3.1:8b", 8e9, "X9"),
    ],
)
def test_what_is_not_told_is_not_made_up(name: str, parameters: float, quantization: str) -> None:
    assert math.isnan(weights(name, parameters, quantization).size_bytes)
