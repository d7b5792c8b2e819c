"""Steps of the node's clock, and times in which the machine slept: seen by comparing its clocks.

Three clocks: the wall's, one that never steps and stops while the machine is suspended (Linux
``CLOCK_MONOTONIC``, macOS ``mach_absolute_time``), and one that never steps and goes on.
"""

import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from schemas.events.node_sample import Suspect

# NTP slews by 0.5 ms a second; what moves a clock further between two samples sets it.
LEAST_STEP_S = 0.25
LEAST_SUSPENSION_S = 0.25
_MOMENT_S = 0.005
_TRIES = 5


class Clocks(NamedTuple):
    """Readings of one moment, seconds."""

    wall_s: float
    running_s: float
    elapsed_s: float


class Notice(NamedTuple):
    """What happened between two samples; 0: it did not. ``stepped_s`` > 0: the clock was put forward."""

    stepped_s: float = 0.0
    suspended_s: float = 0.0

    def suspects(self) -> tuple[Suspect, ...]:
        """Return what a sample says of it: times around it must not be compared."""
        found = []
        if self.stepped_s:
            found.append(Suspect("occurred_at", self.stepped_s, "clock_step"))
        if self.suspended_s:
            found.append(Suspect("agent.monotonic_s", self.suspended_s, "suspended"))
        return tuple(found)


def _elapsed() -> Callable[[], float]:
    """Return the clock that goes on while the machine sleeps; where there is none, the one that stops."""
    name = "CLOCK_BOOTTIME" if sys.platform.startswith("linux") else "CLOCK_MONOTONIC"
    number: int | None = getattr(time, name, None) if sys.platform != "win32" else None
    return time.monotonic if number is None else lambda: time.clock_gettime(number)


_elapsed_s = _elapsed()


def read() -> Clocks:
    """Read the three clocks at one moment, as nearly as the machine lets us."""
    tries = [_read()]
    while tries[-1][0] > _MOMENT_S and len(tries) < _TRIES:
        tries.append(_read())
    return min(tries)[1]


def _read() -> tuple[float, Clocks]:
    """Return how long it took and the clocks: a thread may be interrupted between two of them."""
    running_s = time.monotonic()
    clocks = Clocks(time.time_ns() / 1e9, running_s, _elapsed_s())
    return time.monotonic() - running_s, clocks


class ClockWatch:
    """Compares each moment with the one before; counts what it noticed in this run."""

    def __init__(self) -> None:
        self._last: Clocks | None = None
        self.steps = 0
        self.suspensions = 0

    def notice(self, now: Clocks) -> Notice:
        """Return what happened since the last call."""
        last, self._last = self._last, now
        if last is None:
            return Notice()
        suspended_s = (now.elapsed_s - last.elapsed_s) - (now.running_s - last.running_s)
        stepped_s = (now.wall_s - last.wall_s) - (now.elapsed_s - last.elapsed_s)
        notice = Notice(
            stepped_s if abs(stepped_s) >= LEAST_STEP_S else 0.0,
            suspended_s if suspended_s >= LEAST_SUSPENSION_S else 0.0,
        )
        self.steps += bool(notice.stepped_s)
        self.suspensions += bool(notice.suspended_s)
        return notice
