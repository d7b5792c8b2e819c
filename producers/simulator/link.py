"""When the log has what was said: at once, or after the way to it is open again.

An agent that cannot reach the log keeps its samples on disk, marked ``spooled``, and sends them in order
afterwards, a thousand times faster than they were taken.
"""

import bisect
import math
import random
from collections.abc import Iterable
from typing import NamedTuple

from producers.simulator.availability import Span, merged

# Seconds until an emitter that lost the log tries again, at most, and before it writes to disk.
_RETRY_S = 8.0
_HOLD_S = 5.0
_DRAIN = 1e-3
# Of a record on its way, seconds.
_ON_WAY_S, _SPREAD_S = 0.004, 0.010


class Spool(NamedTuple):
    """What waits on disk at a moment; ``held``: a record of this moment would wait too."""

    held: bool
    records: float


_EMPTY = Spool(False, 0.0)


class Link:
    """The way of one program to the log; times are seconds of the scenario. None: it never arrives.

    ``arrival_us`` keeps the order of what is said in the order of time; ``at_us`` is for what is known ahead.
    """

    def __init__(self, outages: Iterable[Span], interval_s: float, rng: random.Random) -> None:
        self._outages = merged((begin_s, end_s + _RETRY_S * rng.random()) for begin_s, end_s in outages)
        self._begins = [begin_s for begin_s, _ in self._outages]
        self._interval_s = interval_s
        self._rng = rng
        self._last_us = -(1 << 62)

    def arrival_us(self, said_s: float) -> int | None:
        """Return when the log has what was said now: later than all before."""
        on_way_s = _ON_WAY_S + _SPREAD_S * self._rng.random()
        arrives_s = self._through(said_s) + on_way_s
        if arrives_s == math.inf:
            return None
        self._last_us = max(self._last_us + 1, round(arrives_s * 1e6))
        return self._last_us

    def at_us(self, said_s: float) -> int | None:
        """Return when the log has what was, or will be, said at a moment; later is never earlier."""
        arrives_s = self._through(said_s) + _ON_WAY_S
        return None if arrives_s == math.inf else round(arrives_s * 1e6)

    def spool(self, now_s: float) -> Spool:
        """Return what waits now."""
        outage = self._outage(now_s)
        if outage is None or now_s >= outage[1]:
            return _EMPTY
        waiting = (now_s - outage[0]) / self._interval_s if now_s - outage[0] > _HOLD_S else 0.0
        return Spool(True, float(int(waiting)))

    def _through(self, said_s: float) -> float:
        outage = self._outage(said_s)
        if outage is None:
            return said_s
        begin_s, end_s = outage
        if said_s < end_s:
            return end_s + (said_s - begin_s) * _DRAIN
        return max(said_s, end_s + (end_s - begin_s) * _DRAIN)

    def _outage(self, at_s: float) -> Span | None:
        """Return the last outage that began before a moment."""
        if not self._outages:
            return None
        place = bisect.bisect_right(self._begins, at_s) - 1
        return self._outages[place] if place >= 0 else None
