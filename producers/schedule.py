"""Deadlines on a grid of the monotonic clock: no drift, and what was missed is counted, not made up for."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple


class Tick(NamedTuple):
    """A moment of the grid. ``missed`` earlier ones passed unused; times are monotonic seconds."""

    due_s: float
    lateness_s: float
    missed: int


class Grid:
    """The moments ``origin + n * interval``. Each is a product, never a sum, so errors do not add up."""

    def __init__(self, interval_s: float, origin_s: float) -> None:
        self._interval_s = interval_s
        self._origin_s = origin_s
        self._index = 0

    @property
    def due_s(self) -> float:
        """The next moment."""
        return self._origin_s + self._index * self._interval_s

    def take(self, now_s: float) -> Tick:
        """Use the latest moment that is due at ``now_s``, which must not be before ``due_s``."""
        missed = max(0, math.floor((now_s - self.due_s) / self._interval_s))
        self._index += missed
        due_s = self.due_s
        self._index += 1
        return Tick(due_s, max(0.0, now_s - due_s), missed)


async def ticks(
    interval_s: float,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[Tick]:
    """Yield a tick at each moment of a grid that begins now, for ever."""
    grid = Grid(interval_s, now())
    while True:
        # A timer may fire a little early: ask the clock again.
        while (wait_s := grid.due_s - now()) > 0:
            await sleep(wait_s)
        yield grid.take(now())
