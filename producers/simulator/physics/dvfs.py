"""Clocks: what holds them down, and the bits with which NVML says so.

Power: the driver lowers the clock until the power fits its limit (software power cap). Heat: from the target
temperature on the driver lowers it bit by bit (software thermal slowdown); at the slowdown threshold the
hardware halves it (hardware slowdown, with its thermal cause) until the die is some degrees cooler. A power
supply may ask for less (power brake). Without work clocks rest.
"""

from producers.simulator.physics import power
from producers.simulator.physics.activity import Activity

# nvmlClocksEventReason*
IDLE = 0x1
POWER_CAP = 0x4
HW_SLOWDOWN = 0x8
SW_THERMAL = 0x20
HW_THERMAL = 0x40
HW_POWER_BRAKE = 0x80

# Clock, as a share, that the driver takes away for each kelvin above the target and second; and gives back.
_DOWN_PER_K_S = 0.012
_UP_PER_S = 0.012
_HYSTERESIS_C = 1.5
_RELEASE_C = 5.0
_HALVED = 0.5
# Of a second in which the brake is on.
_BRAKED = 0.35
# Seconds without work before clocks rest.
REST_AFTER_S = 6.0
# What a board draws above rest while its clocks are still up, as a share of its range.
_UP_SHARE = 0.05


class Governor:
    """Sets the clock of one accelerator. Clocks are shares of the clock under load.

    ``limit_w`` and ``brake`` (share of time) are what faults change; ``held_w`` is what a loaded model adds
    at rest. ``power_w`` and ``reasons`` are of the last step.
    """

    __slots__ = (
        "brake", "clock", "floor", "held_w", "hot", "idle_s", "idle_w", "limit_w", "memory_limit_c",
        "power_w", "range_w", "reasons", "slowdown_c", "target_c", "thermal",
    )  # fmt: skip

    def __init__(self, *, idle_w: float, limit_w: float, floor: float, target_c: float, slowdown_c: float,
                 memory_limit_c: float) -> None:  # fmt: skip
        self.idle_w = self.power_w = idle_w
        self.range_w = limit_w - idle_w
        self.limit_w = limit_w
        self.floor = floor
        self.target_c = target_c
        self.slowdown_c = slowdown_c
        self.memory_limit_c = memory_limit_c
        self.held_w = self.brake = 0.0
        self.clock = self.thermal = 1.0
        self.hot = False
        self.idle_s = REST_AFTER_S
        self.reasons = IDLE

    @property
    def resting(self) -> bool:
        """Whether clocks rest."""
        return self.idle_s >= REST_AFTER_S

    def step(self, did: Activity, die_c: float, memory_c: float, dt_s: float) -> None:
        """Take what was done at the clock of before; set power, clock and reasons."""
        self._heat(die_c, memory_c, dt_s)
        if did.busy <= 0.0 and did.foreign <= 0.0:
            self.idle_s += dt_s
            self._rest()
            return
        self.idle_s = 0.0
        clock, reasons = self.thermal, SW_THERMAL if self.thermal < 0.995 else 0
        steady_w = self.idle_w + self.held_w + self.range_w * (power.steady_share(did) + _UP_SHARE)
        switching_w = self.range_w * power.switching_share(did)
        if self.hot:
            clock, reasons = min(clock, _HALVED), reasons | HW_SLOWDOWN | HW_THERMAL
        if self.brake > 0.0:
            clock, reasons = (
                min(clock, 1.0 - self.brake * (1.0 - _BRAKED)),
                reasons | HW_SLOWDOWN | HW_POWER_BRAKE,
            )
        if steady_w + switching_w * power.clock_power(clock) > self.limit_w:
            clock = power.clock_at((self.limit_w - steady_w) / switching_w)
            reasons |= POWER_CAP
        self.clock = clock if clock > self.floor else self.floor
        self.power_w = steady_w + switching_w * power.clock_power(self.clock)
        self.reasons = reasons

    def _rest(self) -> None:
        resting = self.idle_s >= REST_AFTER_S
        self.power_w = self.idle_w + self.held_w + (0.0 if resting else self.range_w * _UP_SHARE)
        self.reasons = IDLE
        self.clock = self.thermal

    def _heat(self, die_c: float, memory_c: float, dt_s: float) -> None:
        over_c = max(die_c - self.target_c, memory_c - self.memory_limit_c)
        if over_c > 0.0:
            self.thermal = max(self.floor, self.thermal - _DOWN_PER_K_S * over_c * dt_s)
        elif over_c < -_HYSTERESIS_C and self.thermal < 1.0:
            self.thermal = min(1.0, self.thermal + _UP_PER_S * dt_s)
        if self.hot:
            self.hot = die_c > self.slowdown_c - _RELEASE_C
        elif die_c >= self.slowdown_c:
            self.hot = True
