"""Language models: shapes from their published configurations, and what a weight takes when quantised."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from producers.simulator.scenario.machines import Model

BILLION = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """The shape of a model. ``kv_bytes_per_token`` None: two 16-bit vectors per layer and key-value head."""

    architecture: str
    parameters: float
    active_parameters: float
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    context_tokens: int
    kv_bytes_per_token: float | None = None


def _known(architecture: str, billions: float, layers: int, heads: tuple[int, int, int], context: int,
           active: float = 0.0, kv_bytes: float | None = None) -> KnownModel:  # fmt: skip
    """``heads``: attention heads, key-value heads, and the width of each."""
    return KnownModel(
        architecture=architecture, parameters=billions * BILLION,
        active_parameters=(active or billions) * BILLION, layers=layers, heads=heads[0], kv_heads=heads[1],
        head_dim=heads[2], context_tokens=context, kv_bytes_per_token=kv_bytes,
    )  # fmt: skip


MODELS: Mapping[str, KnownModel] = {
    "llama-3.2-1b": _known("llama", 1.24, 16, (32, 8, 64), 131072),
    "llama-3.2-3b": _known("llama", 3.21, 28, (24, 8, 128), 131072),
    "llama-3.1-8b": _known("llama", 8.03, 32, (32, 8, 128), 131072),
    "llama-3.1-70b": _known("llama", 70.6, 80, (64, 8, 128), 131072),
    "llama-3.3-70b": _known("llama", 70.6, 80, (64, 8, 128), 131072),
    "llama-3.1-405b": _known("llama", 405.9, 126, (128, 8, 128), 131072),
    "qwen2.5-0.5b": _known("qwen2", 0.49, 24, (14, 2, 64), 32768),
    "qwen2.5-3b": _known("qwen2", 3.09, 36, (16, 2, 128), 32768),
    "qwen2.5-7b": _known("qwen2", 7.62, 28, (28, 4, 128), 32768),
    "qwen2.5-14b": _known("qwen2", 14.8, 48, (40, 8, 128), 32768),
    "qwen2.5-32b": _known("qwen2", 32.8, 64, (40, 8, 128), 32768),
    "qwen2.5-72b": _known("qwen2", 72.7, 80, (64, 8, 128), 32768),
    "qwen3-8b": _known("qwen3", 8.19, 36, (32, 8, 128), 40960),
    "qwen3-14b": _known("qwen3", 14.8, 40, (40, 8, 128), 40960),
    "qwen3-32b": _known("qwen3", 32.8, 64, (64, 8, 128), 40960),
    "qwen3-30b-a3b": _known("qwen3moe", 30.5, 48, (32, 4, 128), 40960, active=3.3),
    "qwen3-235b-a22b": _known("qwen3moe", 235.1, 94, (64, 4, 128), 40960, active=22.1),
    "mistral-7b": _known("llama", 7.25, 32, (32, 8, 128), 32768),
    "mistral-small-24b": _known("llama", 23.6, 40, (32, 8, 128), 32768),
    "mixtral-8x7b": _known("llama", 46.7, 32, (32, 8, 128), 32768, active=12.9),
    "gemma-2-9b": _known("gemma2", 9.24, 42, (16, 8, 256), 8192),
    "gemma-3-12b": _known("gemma3", 12.2, 48, (16, 8, 256), 131072),
    "gemma-3-27b": _known("gemma3", 27.4, 62, (32, 16, 128), 131072),
    "phi-4": _known("phi3", 14.7, 40, (40, 10, 128), 16384),
    "deepseek-r1-distill-llama-8b": _known("llama", 8.03, 32, (32, 8, 128), 131072),
    # Its latent attention keeps 576 values of 16 bits per layer and token.
    "deepseek-v3": _known("deepseek2", 671.0, 61, (128, 128, 128), 163840, active=37.0,
                          kv_bytes=61 * 576 * 2.0),
    "gpt-oss-20b": _known("gptoss", 20.9, 24, (64, 8, 64), 131072, active=3.6),
    "gpt-oss-120b": _known("gptoss", 116.8, 36, (64, 8, 64), 131072, active=5.1),
}  # fmt: skip

# Bits per weight: formats by definition, GGUF files as measured on Llama 3.1 8B.
QUANTIZATIONS: Mapping[str, float] = {
    "f32": 32.0,
    "bf16": 16.0,
    "f16": 16.0,
    "fp16": 16.0,
    "fp8": 8.0,
    "int8": 8.0,
    "q8_0": 8.51,
    "q6_k": 6.57,
    "q5_k_m": 5.71,
    "q4_k_m": 4.90,
    "q4_0": 4.65,
    "q3_k_m": 4.00,
    "q2_k": 3.17,
    "iq4_xs": 4.44,
    "mxfp4": 4.25,
    "awq": 4.25,
    "gptq": 4.25,
    "nf4": 4.5,
    "nvfp4": 4.5,
}
_UNQUANTIZED_BITS = 16.0


@dataclass(frozen=True, slots=True)
class Shape:
    """What the physics needs of a model: bytes of weights, those one token reads, and of its cache."""

    name: str
    quantization: str
    architecture: str
    parameters: float
    active_parameters: float
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    context_tokens: int
    weights_bytes: float
    active_bytes: float
    kv_bytes_per_token: float


def weights_bytes(model: Model) -> float:
    """Return the bytes of a model's weights: as told, else of its parameters and quantization."""
    if model.size_bytes is not None:
        return model.size_bytes
    known = MODELS.get(model.name)
    parameters = model.parameters or (known.parameters if known else math.nan)
    return parameters * QUANTIZATIONS.get(model.quantization.lower(), _UNQUANTIZED_BITS) / 8


def shape(model: Model) -> Shape:
    """Return the shape of a model; what the scenario does not tell is the table's.

    A model that the table does not know tells its parameters and layers; the rest is as of Llama's family.
    """
    known = MODELS.get(model.name)
    parameters = model.parameters or (known.parameters if known else math.nan)
    active = model.active_parameters or model.parameters or (known.active_parameters if known else parameters)
    size = weights_bytes(model)
    layers = model.layers or (known.layers if known else 32)
    kv_heads = model.kv_heads or (known.kv_heads if known else 8)
    head_dim = model.head_dim or (known.head_dim if known else 128)
    told = known.kv_bytes_per_token if known else None
    return Shape(
        model.name,
        model.quantization,
        known.architecture if known else "llama",
        parameters,
        active,
        layers,
        known.heads if known else 4 * kv_heads,
        kv_heads,
        head_dim,
        min(model.context_tokens, known.context_tokens) if known else model.context_tokens,
        size,
        size * active / parameters,
        told if told is not None else 2.0 * layers * kv_heads * head_dim * 2.0,
    )
