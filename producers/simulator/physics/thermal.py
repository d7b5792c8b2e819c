"""Heat: a die on a heat sink in a stream of air, and the memory beside it.

    power --> die --R--> heat sink (stores heat) --conductance of the air--> air

The sink follows with one time constant; die and memory follow the sink with the heat that they make. Fans
follow the temperature of the die.
"""

import math
from dataclasses import dataclass

# Of the rise at full power this share is between die and heat sink.
_DIE_SHARE = 0.3
# What still goes away with no fan at all, as a share of what goes at full speed.
_STILL_AIR = 0.12
_AIR_EXPONENT = 0.7
# Seconds, at the air that full power gets.
_SINK_S = 55.0
_DIE_S = 2.5
_MEMORY_S = 9.0
_REFERENCE_AIR_C = 25.0
# Fans that stop do so when it is this much cooler than where they start; smaller steps they do not make.
_FAN_HYSTERESIS_C = 8.0
_FAN_STEP = 0.004


@dataclass(frozen=True, slots=True)
class FanCurve:
    """Fans rise in a line from ``least`` at ``begin_c`` to full speed at ``full_c``; below, ``rest``."""

    rest: float
    least: float
    begin_c: float
    full_c: float

    def ratio(self, die_c: float) -> float:
        """Return the speed that the controller asks for, 0..1."""
        if die_c < self.begin_c:
            return self.rest
        asked = self.least + (1.0 - self.least) * (die_c - self.begin_c) / (self.full_c - self.begin_c)
        return asked if asked < 1.0 else 1.0


# Boards with fans of their own stop them when cool; fans of a server never stop.
OWN_FANS = FanCurve(0.0, 0.30, 48.0, 90.0)
SERVER_FANS = FanCurve(0.30, 0.30, 45.0, 88.0)


@dataclass(frozen=True, slots=True)
class Cooling:
    """Constants of a cooler. ``full_conductance`` W/K at full air, ``capacity`` J/K, ``die_k_per_w`` K/W."""

    fans: FanCurve
    full_conductance: float
    capacity: float
    die_k_per_w: float
    memory_rise_c: float


def cooling(*, full_c: float, full_w: float, memory_rise_c: float, fans: FanCurve) -> Cooling:
    """Return the cooler that holds ``full_c`` at ``full_w`` in air of 25 °C with its fans under control."""
    rise_c = full_c - _REFERENCE_AIR_C
    conductance = full_w / ((1.0 - _DIE_SHARE) * rise_c)
    return Cooling(
        fans,
        conductance / air(fans.ratio(full_c)),
        conductance * _SINK_S,
        _DIE_SHARE * rise_c / full_w,
        memory_rise_c,
    )


def air(flow: float) -> float:
    """Return the share of the full conductance at a flow of air, 0..1."""
    return _STILL_AIR + (1.0 - _STILL_AIR) * math.pow(flow, _AIR_EXPONENT)


class Body:
    """Temperatures of a die, its heat sink and its memory; faults change ``flow`` and ``resistance``."""

    __slots__ = (
        "air_factor",
        "conductance",
        "cooling",
        "die_c",
        "fan",
        "flow",
        "memory_c",
        "resistance",
        "sink_c",
    )

    def __init__(self, cooling: Cooling, air_c: float) -> None:
        self.cooling = cooling
        self.sink_c = self.die_c = self.memory_c = air_c + 4.0
        self.flow = 1.0  # share of the fans' air that gets through
        self.resistance = 1.0  # multiple of the clean cooler's
        self.fan = -1.0
        self.air_factor = 1.0
        self.conductance = cooling.full_conductance
        self.set_fan()

    def set_fan(self) -> None:
        """Let the fans follow the die; the conductance follows the fans."""
        curve = self.cooling.fans
        fan = curve.ratio(self.die_c)
        if fan < curve.least <= self.fan and self.die_c > curve.begin_c - _FAN_HYSTERESIS_C:
            fan = curve.least
        if abs(fan - self.fan) > _FAN_STEP:
            self.fan = fan
            self.air_factor = air(fan * self.flow)
        self.conductance = self.cooling.full_conductance * self.air_factor / self.resistance

    def blow(self, flow: float) -> None:
        """Let a share of the fans' air get through."""
        self.flow = flow
        self.air_factor = air(self.fan * flow)

    def heat(self, power_w: float, traffic: float, air_c: float, dt_s: float) -> None:
        """Let ``dt_s`` pass at a power; ``traffic`` 0..1 of the memory's bandwidth."""
        self.set_fan()
        constants, conductance = self.cooling, self.conductance
        share = 1.0 - math.exp(-dt_s * conductance / constants.capacity)
        self.sink_c += (air_c + power_w / conductance - self.sink_c) * share
        die_c = self.sink_c + power_w * constants.die_k_per_w
        self.die_c += (die_c - self.die_c) * (dt_s / (dt_s + _DIE_S))
        memory_c = self.sink_c + 0.35 * (die_c - self.sink_c) + constants.memory_rise_c * traffic
        self.memory_c += (memory_c - self.memory_c) * (dt_s / (dt_s + _MEMORY_S))

    def settle(self, power_w: float, traffic: float, air_c: float) -> None:
        """Put the body where it comes to rest at a power."""
        for _ in range(200):
            self.heat(power_w, traffic, air_c, 30.0)
