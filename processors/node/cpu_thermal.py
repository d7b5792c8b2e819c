"""How hot is the CPU: from its clock under load and its own sensors."""

from processors.node.thermal_state import Thermal
from schemas.events.node_sample import HostSample
from schemas.events.node_state import ThermalState

# Below this load a low clock is rest, not heat.
LOADED_RATIO = 0.15
# Degrees Celsius of the hottest of the CPU's own sensors.
COOL_C, WARM_C, HOT_C, LIMIT_C = 75.0, 80.0, 85.0, 95.0
# Share of the maximum clock, the state it means under load, and the factor it costs.
_BY_CLOCK: tuple[tuple[float, ThermalState, float], ...] = (
    (0.95, "normal", 1.0),
    (0.80, "fair", 1.25),
    (0.60, "serious", 1.75),
    (-1.0, "critical", 2.5),
)
_NORMAL = Thermal("normal", "none", 1.0)


def judge(host: HostSample) -> Thermal:
    """Judge the CPU. A low clock means heat only under load and where no sensor says that it is cool."""
    temperature_c = host.cpu_temperature_c
    if temperature_c >= LIMIT_C:
        return Thermal("critical", "temperature", 2.5)
    by_clock = _by_clock(host)
    if temperature_c > HOT_C:
        return by_clock if by_clock and by_clock.penalty >= 1.75 else Thermal("serious", "temperature", 1.75)
    if temperature_c < COOL_C:
        return _NORMAL
    if by_clock is None:
        return (
            Thermal("unknown", "no_reading", 1.0) if temperature_c != temperature_c else _warm(temperature_c)
        )
    if temperature_c != temperature_c and by_clock.penalty > 1.25:
        # Without a sensor a low clock may as well be a power profile.
        return Thermal("fair", "clock", 1.25)
    return by_clock


def _by_clock(host: HostSample) -> Thermal | None:
    ratio = host.cpu_clock_ratio
    if ratio != ratio or host.cpu_ratio != host.cpu_ratio:
        return None
    if host.cpu_ratio < LOADED_RATIO:
        return _NORMAL
    state, penalty = next((state, penalty) for least, state, penalty in _BY_CLOCK if ratio >= least)
    return Thermal(state, "clock", penalty)


def _warm(temperature_c: float) -> Thermal:
    return Thermal("fair", "temperature", 1.25) if temperature_c >= WARM_C else _NORMAL
