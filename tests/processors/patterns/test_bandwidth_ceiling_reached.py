"""bandwidth_ceiling_reached: one request at a time, as fast as the memory allows."""

from typing import Any

import pytest

from processors.patterns.bandwidth_ceiling_reached import PATTERN, BandwidthCeilingReached, judge
from processors.windows.window import Window
from schemas.events.reading import NAN
from tests.slots import gpu_slot, model_slot, runtime_slot, slot, window

LIMITS = BandwidthCeilingReached()
H100 = gpu_slot()


def decoding(speed: float, running: float = 1.0, **more: Any) -> Window:
    """An 8 B model of 16 bits (16.06 GB) on an H100 of 3350 GB/s, unless told otherwise."""
    fields: dict[str, Any] = {"runtimes": (runtime_slot(requests_running=running),)} | more
    return window(300, lambda index: slot(index, tokens_per_second=speed, **fields))


def test_half_of_the_rating() -> None:
    # 104.3 tokens a second x 16.06 GB are 1675 GB/s.
    found = judge(decoding(104.4), LIMITS)
    assert (found.holds, found.severity, found.subjects) == (True, "info", ("llama-3.1-8b",))
    assert found.evidence[0].value == pytest.approx(0.5, abs=0.001)
    assert found.text == "104 tokens a second for each request take 50% of the memory's 3350 GB/s"
    assert judge(decoding(104.0), LIMITS).holds is False


def test_a_batch_shares_what_is_read() -> None:
    assert judge(decoding(1200.0, running=16.0), LIMITS).holds is False
    assert judge(decoding(210.0, running=2.0), LIMITS).holds is True
    assert judge(decoding(400.0, running=3.0), LIMITS).holds is False


def test_accelerators_that_work_together_add_up() -> None:
    two = (H100, H100._replace(gpu_id="GPU-2"))
    assert judge(decoding(150.0, gpus=two), LIMITS).holds is False
    aside = (H100, H100._replace(gpu_id="GPU-2", active=0.0))
    assert judge(decoding(150.0, gpus=aside), LIMITS).holds is True


@pytest.mark.parametrize(("product", "gb"), [("Apple M1 Ultra", 800), ("Apple M4 Max", 546)])
def test_apple(product: str, gb: float) -> None:
    gpus = (gpu_slot(name=product, vendor="apple"),)
    models = (model_slot(quantization="q4_k_m"),)
    each = 0.6 * gb * 1e9 / (8.03e9 * 4.9 / 8)
    assert judge(decoding(each, gpus=gpus, models=models), LIMITS).holds is True
    assert judge(decoding(0.7 * each, gpus=gpus, models=models), LIMITS).holds is False


def test_more_than_the_memory_can_deliver_says_that_the_weights_are_others() -> None:
    assert judge(decoding(240.0), LIMITS).holds is None
    experts = (model_slot("mixtral-8x7b", parameters=46.7e9),)
    assert judge(decoding(60.0, models=experts), LIMITS).holds is None


def test_what_is_not_known() -> None:
    assert (
        judge(decoding(150.0, gpus=(gpu_slot(name="NVIDIA GeForce RTX 4090 Laptop GPU"),)), LIMITS).holds
        is None
    )
    unknown = (model_slot("phi", parameters=NAN, quantization=""),)
    assert judge(decoding(150.0, models=unknown), LIMITS).holds is None
    mute = (runtime_slot("ollama:11434", requests_running=NAN),)
    assert judge(decoding(150.0, runtimes=mute), LIMITS).holds is None


def test_only_while_it_serves_all_the_time() -> None:
    short = window(
        300,
        lambda index: slot(
            index,
            tokens_per_second=150.0,
            live=1.0 if index < 26 else 0.5,
            runtimes=(runtime_slot(requests_running=1.0),),
        ),
    )
    assert judge(short, LIMITS).holds is False
    assert judge(window(300, lambda i: slot(i, live=0.0, idle=1.0, wes=NAN)), LIMITS).holds is False


def test_small_models_have_other_costs() -> None:
    small = (model_slot("tiny", parameters=2e8),)
    assert judge(decoding(5000.0, models=small), LIMITS).holds is None


def test_there_is_nothing_to_route_around() -> None:
    assert PATTERN.hints == {"info": "clear"}
