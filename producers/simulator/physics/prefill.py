"""Prefill: how fast prompts are read. Arithmetic sets the pace, so it goes with the core clock."""

from producers.simulator.hardware.models import Shape
from producers.simulator.physics.decode import Rig


def tokens_per_second(rig: Rig, shape: Shape, prompt_tokens: float, clock: float) -> float:
    """Return the tokens read a second; every token of a long prompt also looks back at those before it."""
    looking_back = 2.0 * shape.layers * shape.heads * shape.head_dim * prompt_tokens
    per_token = 2.0 * shape.active_parameters + looking_back
    speed = rig.flops * clock / per_token
    if rig.cpu_share > 0.0:
        return 1.0 / ((1.0 - rig.cpu_share) / speed + rig.cpu_share * per_token / rig.cpu_flops)
    return speed
