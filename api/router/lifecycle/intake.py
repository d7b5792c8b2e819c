"""Makes facts of the moments that come in, and holds them until they are written down."""

import asyncio
import os
import time
from collections.abc import Sequence

from api.router.lifecycle.lives import Lives
from api.router.lifecycle.records import Entry, entry
from api.router.lifecycle.wire import unpacked

YIELD_EVERY = 8
"""Moments after which whoever serves goes first where both want one core: a tenth of a millisecond."""


class Intake:
    """Made where the event loop runs.

    Attributes:
        lives: the requests that are open in the facts.
        wake: set when facts wait to be taken.
        number: of the parcel that came last.
    """

    def __init__(self, lives: Lives) -> None:
        self._entries: list[Entry] = []
        self.lives = lives
        self.wake = asyncio.Event()
        self.number = 0

    def hear(self, number: int, lines: Sequence[bytes]) -> None:
        """Make facts of a parcel of moments."""
        for place, line in enumerate(lines):
            if place % YIELD_EVERY == 0:
                os.sched_yield()
            event = self.lives.tell(unpacked(line))
            if event is not None:
                self._entries.append(entry(event))
        self.number = number
        self.wake.set()

    def take(self) -> list[Entry]:
        """Return the facts that wait, which are the taker's from now on."""
        entries, self._entries = self._entries, []
        self.wake.clear()
        return entries

    def end(self, at_us: int, error: str) -> None:
        """End what is open: the router stops, or has gone."""
        self._entries += [entry(event) for event in self.lives.end_all(time.monotonic(), at_us, error)]
