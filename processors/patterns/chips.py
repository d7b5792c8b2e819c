"""Memory bandwidth of accelerators, by the makers' data sheets.

A chip that comes with several bandwidths under one name has its largest here, so a share of it is never
overstated. The mobile boards of a series are slower than the desktop boards of the same name and are unknown.
"""

import re
from functools import lru_cache

from schemas.events.reading import NAN

_GB = 1e9

# (words that must stand in the name, in this order; GB/s). The first that fits counts.
_RATINGS: tuple[tuple[str, float], ...] = (
    ("RTX PRO 6000", 1792),
    ("RTX 6000 ADA", 960),
    ("RTX A6000", 768),
    ("RTX A5000", 768),
    ("RTX A4000", 448),
    ("RTX 5090", 1792),
    ("RTX 5080", 960),
    ("RTX 5070 TI", 896),
    ("RTX 5070", 672),
    ("RTX 5060 TI", 448),
    ("RTX 4090", 1008),
    ("RTX 4080 SUPER", 736),
    ("RTX 4080", 717),
    ("RTX 4070 TI SUPER", 672),
    ("RTX 4070 TI", 504),
    ("RTX 4070", 504),
    ("RTX 4060 TI", 288),
    ("RTX 4060", 272),
    ("RTX 3090 TI", 1008),
    ("RTX 3090", 936),
    ("RTX 3080 TI", 912),
    ("RTX 3080", 760),
    ("RTX 3070 TI", 608),
    ("RTX 3070", 448),
    ("RTX 3060 TI", 448),
    ("RTX 3060", 360),
    ("B300", 8000),
    ("B200", 8000),
    ("H200", 4800),
    ("H100 PCIE", 2000),
    ("H100 NVL", 3938),
    ("H100", 3350),
    ("H20", 4000),
    ("A100 80", 2039),
    ("A100", 1555),
    ("V100", 900),
    ("A40", 696),
    ("A30", 933),
    ("A10", 600),
    ("L40S", 864),
    ("L40", 864),
    ("L20", 864),
    ("L4", 300),
    ("T4", 320),
    ("GB10", 273),
    ("M1 ULTRA", 800),
    ("M1 MAX", 400),
    ("M1 PRO", 200),
    ("M1", 68),
    ("M2 ULTRA", 800),
    ("M2 MAX", 400),
    ("M2 PRO", 200),
    ("M2", 100),
    ("M3 ULTRA", 819),
    ("M3 MAX", 400),
    ("M3 PRO", 150),
    ("M3", 100),
    ("M4 MAX", 546),
    ("M4 PRO", 273),
    ("M4", 120),
    ("M5", 153),
)


def _pattern(words: str) -> re.Pattern[str]:
    # A capacity is written as "80GB": what follows a word need not be a space, unless it goes on in digits.
    first, *others = (re.escape(word) for word in words.split())
    rest = "".join(rf".*\b{word}(?![0-9])" if word.isdigit() else rf".*\b{word}\b" for word in others)
    return re.compile(rf"\b{first}\b{rest}")


_PATTERNS = tuple((_pattern(words), gb * _GB) for words, gb in _RATINGS)
_SLOWER = re.compile(r"\b(LAPTOP|MOBILE|MAX-Q)\b")


@lru_cache(1024)
def bandwidth_bytes_per_s(product: str) -> float:
    """Return the memory bandwidth of a product, by its name as the driver tells it; NaN: not known."""
    name = product.upper().replace("_", " ")
    if _SLOWER.search(name):
        return NAN
    name = name.replace("-", " ")
    return next((rating for pattern, rating in _PATTERNS if pattern.search(name)), NAN)
