"""Mergeable statistics: a pane folds its readings once, windows merge panes.

Sums are ``math.fsum``: exact before rounding, so that the result does not depend on how a version of the
interpreter adds up. Merging follows Chan, Golub and LeVeque (1979).
"""

from collections.abc import Iterable, Sequence
from math import fsum, inf

from schemas.events.node_pane import Statistic
from schemas.events.reading import NAN

EMPTY = Statistic(0.0, NAN, 0.0, NAN, NAN, NAN, NAN)


def fold(readings: Sequence[float]) -> Statistic:
    """Summarise readings in the order of time; NaN and infinite ones are left out."""
    values = [value for value in readings if -inf < value < inf]
    if not values:
        return EMPTY
    least, most, n = min(values), max(values), len(values)
    if least == most:
        return Statistic(float(n), least, 0.0, least, least, least, least)
    mean = fsum(values) / n
    m2 = fsum([(value - mean) * (value - mean) for value in values])
    return Statistic(float(n), mean, m2, least, most, values[0], values[-1])


def merge(earlier: Statistic, later: Statistic) -> Statistic:
    """Return the statistic of both; ``earlier`` gives ``first`` and ``later`` gives ``last``."""
    if not earlier.n:
        return later
    if not later.n:
        return earlier
    n = earlier.n + later.n
    delta = later.mean - earlier.mean
    return Statistic(
        n,
        earlier.mean + delta * later.n / n,
        earlier.m2 + later.m2 + delta * delta * earlier.n * later.n / n,
        min(earlier.min, later.min),
        max(earlier.max, later.max),
        earlier.first,
        later.last,
    )


def merge_all(statistics: Iterable[Statistic]) -> Statistic:
    """Merge statistics in the order of time."""
    merged = EMPTY
    for statistic in statistics:
        merged = merge(merged, statistic)
    return merged


def deviation(statistic: Statistic) -> float:
    """Return the sample standard deviation; NaN below two readings."""
    return float((statistic.m2 / (statistic.n - 1)) ** 0.5) if statistic.n >= 2 else NAN


def total(readings: Sequence[float]) -> float:
    """Return the sum of the known readings; NaN where none is."""
    values = [value for value in readings if -inf < value < inf]
    return fsum(values) if values else NAN
