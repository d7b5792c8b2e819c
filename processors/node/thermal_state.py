"""How hot is the accelerator, from its own throttle reasons and temperatures; never from the CPU.

Bits: NVML's nvmlClocksEventReason* constants. States: a hardware thermal slowdown or the slowdown threshold
reached is critical; a software thermal slowdown, a hardware slowdown or 3 degrees below the threshold is
serious; 10 degrees below it is fair.
"""

from collections.abc import Sequence
from math import fsum
from typing import NamedTuple

from schemas.events.node_sample import GpuSample
from schemas.events.node_state import ThermalState

POWER_CAP = 0x04
HW_SLOWDOWN = 0x08
SW_THERMAL = 0x20
HW_THERMAL = 0x40
HW_POWER_BRAKE = 0x80

# Degrees Celsius, where the accelerator does not tell its threshold: NVIDIA's usual slowdown of 93 degrees.
USUAL_SLOWDOWN_C = 93.0
FAIR_BELOW_C = 10.0
SERIOUS_BELOW_C = 3.0
STALE_S = 15.0

RANK: dict[ThermalState, int] = {"unknown": 0, "normal": 1, "fair": 2, "serious": 3, "critical": 4}
# The words of macOS's powermetrics for thermal pressure.
_APPLE: dict[str, ThermalState] = {
    "nominal": "normal",
    "moderate": "fair",
    "heavy": "serious",
    "trapping": "critical",
    "sleeping": "critical",
}
# What a state costs where nothing finer is told.
PENALTY: dict[ThermalState, float] = {
    "unknown": 1.0,
    "normal": 1.0,
    "fair": 1.25,
    "serious": 1.75,
    "critical": 2.0,
}


class Thermal(NamedTuple):
    """A state, the reading that decided, and the factor that divides WES."""

    state: ThermalState
    reason: str
    penalty: float


UNKNOWN = Thermal("unknown", "no_reading", 1.0)
_NORMAL = Thermal("normal", "none", 1.0)


def of_gpu(gpu: GpuSample) -> Thermal:
    """Judge one accelerator."""
    reasons = gpu.throttle_reasons
    told = reasons >= 0
    if gpu.status != "ok" or gpu.age_s > STALE_S:
        return UNKNOWN
    if gpu.temperature_c != gpu.temperature_c and not told:
        return UNKNOWN
    slowdown_c = gpu.temperature_slowdown_c
    below_c = (slowdown_c if slowdown_c == slowdown_c else USUAL_SLOWDOWN_C) - gpu.temperature_c
    if told and reasons & (HW_SLOWDOWN | SW_THERMAL | HW_THERMAL | HW_POWER_BRAKE):
        return _throttled(reasons, below_c)
    return _by_temperature(below_c)


def of_apple(pressure: str) -> Thermal:
    """Judge a system on a chip by macOS's thermal pressure; an empty text is unknown."""
    state = _APPLE.get(pressure.lower(), "unknown")
    return UNKNOWN if state == "unknown" else Thermal(state, "thermal_pressure", PENALTY[state])


def worst(states: Sequence[tuple[str, Thermal]]) -> tuple[str, Thermal]:
    """Return the worst state and whose it is; the first of equals."""
    return max(states, key=lambda named: RANK[named[1].state], default=("", UNKNOWN))


def combined_penalty(penalties: Sequence[float], watts: Sequence[float]) -> float:
    """Return the accelerators' penalties, weighted by power where every power is known, else evenly."""
    if not penalties:
        return 1.0
    weights = watts if all(watt > 0 for watt in watts) else [1.0] * len(penalties)
    pairs = zip(penalties, weights, strict=True)
    return fsum(penalty * weight for penalty, weight in pairs) / fsum(weights)


def _throttled(reasons: int, below_c: float) -> Thermal:
    """Judge by reasons. HW_SLOWDOWN stands with the cause it follows from, so it counts only on its own."""
    thermal_hw, thermal_sw = bool(reasons & HW_THERMAL), bool(reasons & SW_THERMAL)
    brake = bool(reasons & HW_POWER_BRAKE)
    alone = bool(reasons & HW_SLOWDOWN) and not thermal_hw and not brake
    penalty = _penalty(thermal_hw, thermal_hw + thermal_sw + brake + alone)
    by_temperature = _by_temperature(below_c)
    if thermal_hw:
        return Thermal("critical", "hw_thermal_slowdown", penalty)
    if thermal_sw or alone:
        state: ThermalState = "critical" if by_temperature.state == "critical" else "serious"
        return Thermal(state, "sw_thermal_slowdown" if thermal_sw else "hw_slowdown", penalty)
    # A power brake costs speed but is no heat: the temperature decides the state.
    return by_temperature._replace(penalty=penalty)


def _penalty(thermal_hw: bool, causes: int) -> float:
    if causes > 1:
        return 2.5
    return 2.0 if thermal_hw else 1.25


def _by_temperature(below_c: float) -> Thermal:
    if below_c <= 0.0:
        return Thermal("critical", "temperature", 1.1)
    if below_c <= SERIOUS_BELOW_C:
        return Thermal("serious", "temperature", 1.1)
    if below_c <= FAIR_BELOW_C:
        return Thermal("fair", "temperature", 1.0)
    return _NORMAL
