"""How the readings of a simulated node hang together: load, power, heat, clocks, tokens. Pure functions.

Simple on purpose: heat is one time constant towards ambient plus power times thermal resistance, power goes
with use and with the square of the clock, and speed with use and clock.
"""

import math
from dataclasses import dataclass
from hashlib import blake2b

# NVML's bits of clocks event reasons.
IDLE = 0x1
POWER_CAP = 0x4
HW_SLOWDOWN = 0x8
HW_THERMAL = 0x40
_THROTTLED_CLOCK = 0.72
_IDLE_CLOCK = 0.18


@dataclass(frozen=True, slots=True)
class GpuModel:
    """An accelerator and how it is cooled; ``resistance`` in kelvin per watt."""

    name: str
    vendor: str
    memory_bytes: float
    idle_w: float
    full_w: float
    limit_w: float
    slowdown_c: float
    clock_max_mhz: float
    resistance: float
    time_constant_s: float = 40.0


@dataclass(frozen=True, slots=True)
class GpuState:
    """What a simulated accelerator remembers."""

    temperature_c: float
    energy_j: float = 0.0


@dataclass(frozen=True, slots=True)
class GpuMoment:
    """What it shows at one moment; ``clock`` 0..1 of its maximum."""

    utilization: float
    power_w: float
    clock: float
    reasons: int


def noise(*where: object) -> float:
    """Return a number within -1..1 that depends on nothing but its arguments."""
    digest = blake2b(repr(where).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**63 - 1.0


def load(seed: int, node_id: str, at_s: float) -> float:
    """Return the demand on a node, 0..1: waves of 9 and 2 minutes, a rush now and then, and times of rest."""
    phase = (noise(seed, node_id, "phase") + 1) * math.pi
    slow = 0.5 + 0.45 * math.sin(2 * math.pi * at_s / 540 + phase)
    fast = 0.12 * math.sin(2 * math.pi * at_s / 120 + 3 * phase)
    minute = math.floor(at_s / 60)
    rush = 0.3 if noise(seed, node_id, "rush", minute) > 0.75 else 0.0
    demand = slow + fast + rush + 0.04 * noise(seed, node_id, "second", math.floor(at_s))
    return 0.0 if demand < 0.15 else min(1.0, demand)


def gpu_moment(model: GpuModel, state: GpuState, demand: float) -> GpuMoment:
    """Return what a GPU shows under a demand: at its slowdown temperature or its limit it clocks down."""
    if demand <= 0:
        return GpuMoment(0.0, model.idle_w, _IDLE_CLOCK, IDLE)
    hot = state.temperature_c >= model.slowdown_c
    clock, reasons = (_THROTTLED_CLOCK, HW_SLOWDOWN | HW_THERMAL) if hot else (1.0, 0)
    wanted_w = model.idle_w + (model.full_w - model.idle_w) * demand * clock * clock
    if wanted_w > model.limit_w:
        clock *= math.sqrt(model.limit_w / wanted_w)
        wanted_w, reasons = model.limit_w, reasons | POWER_CAP
    return GpuMoment(min(1.0, 0.25 + 0.75 * demand), wanted_w, clock, reasons)


def heat(
    state: GpuState, power_w: float, resistance: float, time_constant_s: float, ambient_c: float, dt_s: float
) -> GpuState:
    """Return the state after ``dt_s`` at a power."""
    target_c = ambient_c + resistance * power_w
    share = 1 - math.exp(-dt_s / time_constant_s)
    return GpuState(
        state.temperature_c + (target_c - state.temperature_c) * share, state.energy_j + power_w * dt_s
    )
