"""Prefill: arithmetic sets the pace."""

import pytest

from producers.simulator.hardware.models import shape
from producers.simulator.physics.decode import Rig
from producers.simulator.physics.prefill import tokens_per_second
from producers.simulator.scenario.machines import Model

RIG = Rig(3350e9 * 0.7, 989e12 * 0.45, 0.001, 2e-5)
MODEL = shape(Model(name="llama-3.1-8b", quantization="fp16"))


def test_it_goes_with_the_clock() -> None:
    assert tokens_per_second(RIG, MODEL, 1000, 0.5) == pytest.approx(
        0.5 * tokens_per_second(RIG, MODEL, 1000, 1)
    )


def test_a_short_prompt_costs_two_operations_per_weight_and_token() -> None:
    assert tokens_per_second(RIG, MODEL, 1, 1.0) == pytest.approx(RIG.flops / (2 * 8.03e9), rel=0.001)


def test_each_token_of_a_long_prompt_costs_more() -> None:
    assert tokens_per_second(RIG, MODEL, 100_000, 1.0) < 0.6 * tokens_per_second(RIG, MODEL, 1000, 1.0)


def test_layers_on_the_processor_hold_it_up() -> None:
    slow = Rig(RIG.bandwidth_bytes_per_s, RIG.flops, 0.001, 2e-5, 0.5, 60e9, 1e12)
    assert tokens_per_second(slow, MODEL, 1000, 1.0) < 0.01 * tokens_per_second(RIG, MODEL, 1000, 1.0)
