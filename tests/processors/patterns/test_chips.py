"""Bandwidths, by the names that drivers tell."""

import math

import pytest

from processors.patterns.chips import bandwidth_bytes_per_s


@pytest.mark.parametrize(
    ("product", "gb"),
    [
        ("NVIDIA GeForce RTX 4070 Ti SUPER", 672),
        ("NVIDIA GeForce RTX 4070 Ti", 504),
        ("NVIDIA GeForce RTX 4070", 504),
        ("NVIDIA GeForce RTX 4090", 1008),
        ("NVIDIA H100 80GB HBM3", 3350),
        ("NVIDIA H100 PCIe", 2000),
        ("NVIDIA H100 NVL", 3938),
        ("NVIDIA H200", 4800),
        ("NVIDIA B200", 8000),
        ("NVIDIA A100-SXM4-80GB", 2039),
        ("NVIDIA A100-PCIE-40GB", 1555),
        ("Tesla V100-SXM2-32GB", 900),
        ("NVIDIA L40S", 864),
        ("NVIDIA L4", 300),
        ("NVIDIA A10", 600),
        ("NVIDIA RTX 6000 Ada Generation", 960),
        ("NVIDIA RTX A6000", 768),
        ("NVIDIA GB10", 273),
        ("Apple M1", 68),
        ("Apple M1 Ultra", 800),
        ("Apple M3 Max", 400),
        ("Apple M4 Pro", 273),
    ],
)
def test_products_have_their_rating(product: str, gb: float) -> None:
    assert bandwidth_bytes_per_s(product) == gb * 1e9


@pytest.mark.parametrize(
    "product",
    ["", "NVIDIA GeForce RTX 4090 Laptop GPU", "NVIDIA GeForce GTX 1080", "AMD Instinct MI300X", "M"],
)
def test_what_is_not_known_has_none(product: str) -> None:
    assert math.isnan(bandwidth_bytes_per_s(product))
