"""Decoding: memory sets the pace, a batch shares the reading of weights, the clock helps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.simulator.hardware.models import Shape, shape
from producers.simulator.physics.decode import Rig, read_bytes, step_s
from producers.simulator.scenario.machines import Model

RIG = Rig(3350e9 * 0.7, 989e12 * 0.45, 0.001, 2e-5)
DENSE = shape(Model(name="llama-3.1-8b", quantization="fp16"))
EXPERTS = shape(Model(name="qwen3-30b-a3b", quantization="q4_k_m"))


def speed(model: Shape = DENSE, batch: int = 1, context: float = 1000.0, clock: float = 1.0) -> float:
    return batch / step_s(RIG, model, batch, context * batch, clock)[0]


def test_one_request_gets_what_the_memory_gives() -> None:
    ideal = 3350e9 / DENSE.weights_bytes
    assert 0.5 * ideal < speed() < 0.72 * ideal


@given(st.floats(0.1, 1.0), st.floats(0.1, 1.0), st.integers(1, 128))
def test_tokens_a_second_rise_with_the_clock(one: float, other: float, batch: int) -> None:
    assert (speed(batch=batch, clock=one) - speed(batch=batch, clock=other)) * (one - other) >= 0


def test_half_the_clock_costs_decoding_less_than_half() -> None:
    assert 0.6 < speed(clock=0.5) / speed() < 0.8


@given(st.integers(1, 200))
def test_a_larger_batch_writes_more_and_each_of_it_less(batch: int) -> None:
    assert speed(batch=batch + 1) > speed(batch=batch)
    assert speed(batch=batch + 1) / (batch + 1) <= speed(batch=batch) / batch


def test_a_batch_of_eight_shares_the_weights() -> None:
    assert 5 < speed(batch=8) / speed(batch=1) < 8


def test_a_long_context_is_read_too() -> None:
    assert speed(context=30_000) < 0.9 * speed(context=100)


def test_a_mixture_of_experts_reads_more_of_itself_with_every_request() -> None:
    assert read_bytes(EXPERTS, 1) == pytest.approx(EXPERTS.active_bytes)
    reads = [read_bytes(EXPERTS, batch) for batch in (1, 4, 32, 256)]
    assert reads == sorted(reads)
    assert reads[-1] == pytest.approx(EXPERTS.weights_bytes, rel=0.01)


def test_layers_on_the_processor_hold_everything_up() -> None:
    slow = Rig(RIG.bandwidth_bytes_per_s, RIG.flops, RIG.step_s, RIG.request_s, 0.5, 60e9, 1e12)
    assert step_s(slow, DENSE, 1, 1000, 1.0)[0] > 5 * step_s(RIG, DENSE, 1, 1000, 1.0)[0]
