"""What a request takes of its pool while it is in flight.

Costs are whole numbers of a billionth, so that what was taken is given back exactly, and the n-th part of a
budget fits n times.
"""

import math
from collections.abc import Sequence

from api.router.queue.limits import Heavy

UNIT = 1_000_000_000


def whole(value: float) -> int:
    """Return a cost or a finite budget in units, rounded to the nearest."""
    return round(value * UNIT)


def factor(prompt_tokens: int, tiers: Sequence[tuple[float, float]]) -> float:
    """Return by how much a prompt of this size is dearer than a short one."""
    for most, times in tiers:
        if prompt_tokens <= most:
            return times
    return tiers[-1][1]


def derived(slots: int, budget: int) -> int:
    """Return the cost of a short prompt where none is set, in units: a place's share of the model."""
    return max(1, min(UNIT // max(slots, 1), budget))


def charge(base: int, times: float, budget: int, heavy: Heavy) -> int:
    """Return the cost of a prompt ``times`` dearer than a short one; never less than ``base``."""
    ceiling = budget - base if heavy is Heavy.LEAVE_ROOM else budget
    return max(base, min(math.floor(base * times), ceiling))
