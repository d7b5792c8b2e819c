"""When what is judged opens and ends: it must hold for a while, and be over for a while.

Shared by observations and alerts. Times are µs of whatever clock the caller judges by; 0 is: not.
"""

from enum import Enum
from typing import NamedTuple

SECOND_US = 1_000_000
# Something open that could not be judged for so long is ended: nobody can say that it is still so.
UNKNOWN_US = 600 * SECOND_US


class Timing(NamedTuple):
    """How long it must hold to open, and not hold to end, µs."""

    for_us: int
    clear_us: int


class Timer(NamedTuple):
    """Since when it has held and is not open; since when, being open, it has not held, or is unknown."""

    holds_since: int = 0
    clear_since: int = 0
    unknown_since: int = 0


AT_REST = Timer()


class Turn(Enum):
    """What a judgement brings about."""

    NOTHING = 0
    OPEN = 1
    HOLDS = 2
    CLEARED = 3
    NO_READING = 4


def turn(
    timer: Timer,
    holds: bool | None,
    at: int,
    timing: Timing,
    *,
    is_open: bool,
) -> tuple[Timer, Turn]:
    """Return the timer after a judgement, and what it brings about.

    What comes back within ``clear_us`` has never been over. Unknown neither opens nor ends, for a while.
    """
    if max(timer) > at:  # the clock has gone back
        timer = Timer._make(min(since, at) for since in timer)
    return _while_open(timer, holds, at, timing) if is_open else _while_not(timer, holds, at, timing)


def _while_not(timer: Timer, holds: bool | None, at: int, timing: Timing) -> tuple[Timer, Turn]:
    if holds is None:
        return timer, Turn.NOTHING
    if not holds:
        return AT_REST, Turn.NOTHING
    since = timer.holds_since or at
    return Timer(since), Turn.OPEN if at - since >= timing.for_us else Turn.NOTHING


def _while_open(timer: Timer, holds: bool | None, at: int, timing: Timing) -> tuple[Timer, Turn]:
    if holds:
        return AT_REST, Turn.HOLDS
    if holds is None:
        since = timer.unknown_since or at
        over = at - since >= UNKNOWN_US
        return timer._replace(unknown_since=since), Turn.NO_READING if over else Turn.NOTHING
    since = timer.clear_since or at
    over = at - since >= timing.clear_us
    return Timer(0, since, 0), Turn.CLEARED if over else Turn.NOTHING
