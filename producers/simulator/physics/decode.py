"""Decoding: how long one step takes that writes a token for every request of the batch.

A step reads the active weights once for all of them, and each one's cache; the arithmetic hides behind it
until the batch is large. Part of it waits for the cores: memory alone does not set the pace.
"""

from dataclasses import dataclass

from producers.simulator.hardware.models import Shape

# Share of a step's time that goes with the core clock even while memory is the bottleneck.
_CLOCK_BOUND = 0.45
# Of the shorter of reading and arithmetic, what the longer does not hide.
_UNHIDDEN = 0.25


@dataclass(frozen=True, slots=True)
class Rig:
    """What a model runs on: all of its accelerators together, or the processor.

    ``cpu_share`` of the layers run on the processor, one after the other with the rest.
    """

    bandwidth_bytes_per_s: float
    flops: float
    step_s: float  # launching kernels and exchanging between accelerators
    request_s: float  # sampling and bookkeeping for each request of the batch
    cpu_share: float = 0.0
    cpu_bandwidth_bytes_per_s: float = 1.0
    cpu_flops: float = 1.0


def read_bytes(shape: Shape, batch: int) -> float:
    """Return the weights that a step reads: of a mixture of experts more with every request."""
    if shape.active_bytes >= shape.weights_bytes:
        return shape.weights_bytes
    share = shape.active_bytes / shape.weights_bytes
    return shape.weights_bytes * (1.0 - (1.0 - share) ** batch)


def step_s(rig: Rig, shape: Shape, batch: int, context_tokens: float, clock: float) -> tuple[float, float]:
    """Return the seconds of a step and the share of it that is arithmetic.

    ``context_tokens`` of all requests of the batch together; ``clock`` is a share of the clock under load.
    """
    read = read_bytes(shape, batch) + shape.kv_bytes_per_token * context_tokens
    reading_s = read / rig.bandwidth_bytes_per_s
    arithmetic_s = 2.0 * shape.active_parameters * batch / rig.flops
    longer_s, shorter_s = (reading_s, arithmetic_s) if reading_s > arithmetic_s else (arithmetic_s, reading_s)
    work_s = longer_s + _UNHIDDEN * shorter_s
    took_s = work_s * (1.0 - _CLOCK_BOUND + _CLOCK_BOUND / clock) + rig.step_s / clock + rig.request_s * batch
    if rig.cpu_share > 0.0:
        took_s = (1.0 - rig.cpu_share) * took_s + rig.cpu_share * read / rig.cpu_bandwidth_bytes_per_s
    return took_s, arithmetic_s / took_s
