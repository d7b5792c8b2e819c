"""Power of an accelerator: what it draws at rest, and what work adds at a clock.

    P = rest + range x (prefill x 0.93 x f(c) + decode x (0.28 x traffic + (0.30 + 0.28 x arithmetic) x f(c)))

``f(c)`` is clock times voltage squared, with the voltage falling in a line with the clock. The shares are of
public measurements of serving on H100 and A100: reading prompts draws nearly the rating, writing tokens for
one request 60 % of the range, for many 80 % and more.
"""

from producers.simulator.physics.activity import Activity

PREFILL_SHARE = 0.93
_TRAFFIC_SHARE = 0.28
_DECODE_SHARE = 0.30
_ARITHMETIC_SHARE = 0.28
# Other programs: training and games.
_FOREIGN_SHARE = 0.85
_VOLTAGE_FLOOR = 0.45


def clock_power(clock: float) -> float:
    """Return the power of switching at a clock, 0..1 of that at the clock under load."""
    voltage = _VOLTAGE_FLOOR + (1.0 - _VOLTAGE_FLOOR) * clock
    return clock * voltage * voltage


def steady_share(activity: Activity) -> float:
    """Return the share of the range that the memory takes, whatever the clock."""
    return _TRAFFIC_SHARE * activity.traffic


def switching_share(activity: Activity) -> float:
    """Return the share of the range that arithmetic takes at the clock under load."""
    return (
        PREFILL_SHARE * activity.prefill
        + _DECODE_SHARE * activity.decode
        + _ARITHMETIC_SHARE * activity.arithmetic
        + _FOREIGN_SHARE * activity.foreign
    )


def clock_at(budget: float) -> float:
    """Return the clock whose ``clock_power`` is ``budget``: the inverse, by halving."""
    if budget >= 1.0:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(14):
        middle = 0.5 * (low + high)
        if clock_power(middle) > budget:
            high = middle
        else:
            low = middle
    return low
