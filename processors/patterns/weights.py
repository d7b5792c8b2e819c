"""How large a model's weights are, and how much of them one token needs.

Runtimes that do not say how many weights a model has have named it after that, as is the custom: 70B, 8x7B,
30B-A3B. A format that neither the runtime nor the name tells is unknown: a server of original weights may
have quantised them when it loaded them. Bits per weight: formats by definition, GGUF files as published for
Llama 3.1 8B.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from schemas.events.reading import NAN

# Tried in order, on a name in lower case with - for _ and spaces.
_BITS: tuple[tuple[str, float], ...] = (
    (r"iq1|q1", 2.0),
    (r"iq2", 2.7),
    (r"q2", 3.17),
    (r"iq3", 3.6),
    (r"q3", 4.0),
    (r"iq4", 4.44),
    (r"q4-[01]", 4.65),
    (r"q4", 4.9),
    (r"q5", 5.71),
    (r"q6", 6.57),
    (r"q8", 8.51),
    (r"mxfp4|awq|gptq(?!-int8|-8bit)|w4a16|int4|4bit", 4.25),
    (r"nf4|fp4|nvfp4", 4.5),
    (r"fp8|f8|e4m3|int8|w8a8|8bit", 8.0),
    (r"bf16|f16|fp16|float16|bfloat16", 16.0),
    (r"f32|fp32|float32", 32.0),
)
_FORMATS = tuple((re.compile(rf"(?<![a-z0-9])(?:{name})(?![0-9])"), bits) for name, bits in _BITS)
# "8x7b": experts share attention and embeddings, so the whole is less than the product.
_EXPERTS = re.compile(r"(?<![a-z0-9.])(\d+)x(\d+(?:\.\d+)?)b(?![a-z0-9])")
_SIZE = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)b(?![a-z0-9])")
_ACTIVE = re.compile(r"-a(\d+(?:\.\d+)?)b(?![a-z0-9])")
_SHARED = 0.83
_BILLION = 1e9


class Weights(NamedTuple):
    """Bytes of all weights, and of those that one token of one request needs; NaN: not known.

    ``told`` is whether the runtime said how many they are.
    """

    size_bytes: float
    active_bytes: float
    told: bool


@lru_cache(1024)
def weights(name: str, parameters: float, quantization: str) -> Weights:
    """Return what is known of a model's weights; ``parameters`` 0 or NaN where not told."""
    plain = name.lower().replace("_", "-").replace(" ", "-").replace(":", "-")
    experts = _EXPERTS.search(plain)
    told = parameters > 0
    count = parameters if told else _count(plain, experts)
    bits = _bits(quantization.lower().replace("_", "-"), plain)
    size = count * bits / 8
    active = _ACTIVE.search(plain)
    if active:
        return Weights(size, min(size, float(active[1]) * _BILLION * bits / 8), told)
    # How many of its experts a token needs does not follow from the name.
    return Weights(size, NAN if experts else size, told)


def _count(plain: str, experts: re.Match[str] | None) -> float:
    if experts:
        return int(experts[1]) * float(experts[2]) * _BILLION * _SHARED
    found = _SIZE.search(plain)
    return float(found[1]) * _BILLION if found else NAN


def _bits(quantization: str, plain: str) -> float:
    for text in (quantization, plain):
        for pattern, bits in _FORMATS:
            if text and pattern.search(text):
                return bits
    return NAN
