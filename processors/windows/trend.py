"""Trends: how fast a reading changes, and whether that is more than its scatter.

Sums are ``math.fsum``, so that the result does not depend on the version of the interpreter.
"""

from collections.abc import Sequence
from math import fsum
from operator import mul
from typing import NamedTuple

from processors.windows.window import MINUTE_US
from schemas.events.reading import NAN

# With less of the spread of time left than this, what is held against it explains the change as well.
CONFOUNDED = 0.15
# Squares and sums of what is smaller are finite; no reading is larger.
_LARGEST = 1e60


class Trend(NamedTuple):
    """A change per minute, in units of the reading; ``level`` is the mean, ``minutes`` from first to last.

    ``signal`` is how many times its own standard error the change is (Student's t), infinite without scatter.
    """

    per_minute: float
    level: float
    minutes: float
    signal: float


UNKNOWN = Trend(NAN, NAN, NAN, NAN)


def trend(
    at: Sequence[int],
    readings: Sequence[float],
    *,
    weights: Sequence[float] | None = None,
    besides: Sequence[Sequence[float]] = (),
) -> Trend:
    """Fit a line through (µs, reading) by least squares, other causes of the reading held fixed.

    ``besides`` are those causes, a value for each reading: what they explain is not told as a change in time.
    Unknown below five readings, and where time cannot be told from them.
    """
    n = len(readings)
    if n < 5 + len(besides):
        return UNKNOWN
    w = weights or [1.0] * n
    total = fsum(w)
    if not 0.0 < total < _LARGEST or not all(abs(value) < _LARGEST for value in readings):
        return UNKNOWN
    times = [(time - at[0]) / MINUTE_US for time in at]
    level = fsum(map(mul, w, readings)) / total
    x, y = _centred(times, w, total), [value - level for value in readings]
    whole = _dot(x, x, w)
    held: list[list[float]] = []
    for cause in besides:
        z = _centred(cause, w, total)
        size = _dot(z, z, w)
        for other in held:
            z = _without(z, other, w)
        if not _dot(z, z, w) > 1e-9 * size:  # constant, or said by another cause already
            continue
        x, y = _without(x, z, w), _without(y, z, w)
        held.append(z)
    spread = _dot(x, x, w)
    if not spread > CONFOUNDED * whole or not whole > 0.0:
        return UNKNOWN
    per_minute = _dot(x, y, w) / spread
    rest = max(0.0, _dot(y, y, w) - per_minute * per_minute * spread)
    error = (rest / (n - 2 - len(held)) / spread) ** 0.5
    # Below this the scatter is rounding.
    signal = abs(per_minute) / error if error > 1e-12 * abs(per_minute) else float("inf")
    return Trend(per_minute, level, times[-1], signal)


def _centred(values: Sequence[float], w: Sequence[float], total: float) -> list[float]:
    middle = fsum(map(mul, w, values)) / total
    return [value - middle for value in values]


def _dot(a: Sequence[float], b: Sequence[float], w: Sequence[float]) -> float:
    return fsum(map(mul, map(mul, a, b), w))


def _without(a: Sequence[float], b: Sequence[float], w: Sequence[float]) -> list[float]:
    share = _dot(a, b, w) / _dot(b, b, w)
    return [x - share * y for x, y in zip(a, b, strict=True)]
