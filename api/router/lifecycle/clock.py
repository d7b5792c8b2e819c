"""Times of facts: one wall clock reading, and the monotonic clock from there on."""

import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

STEP_US = 250_000
"""A wall clock that is further away than this was set; what is less is drift, and waiting of this process."""


def wall_us() -> int:
    """Return the wall clock, microseconds since the epoch."""
    return time.time_ns() // 1000


class Clock:
    """Turns moments of the monotonic clock into times since the epoch, which never go back.

    A wall clock that is set forward is followed from then on; one that is set back is not, until it has
    caught up: facts would be told out of order. Both are said in the log.

    Args:
        wall: microseconds since the epoch.
        monotonic: seconds.
        anchor: a moment of ``monotonic``, and the time it is taken for; None: now.
    """

    def __init__(
        self,
        wall: Callable[[], int] = wall_us,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        anchor: tuple[float, int] | None = None,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._anchor_s, self._anchor_us = anchor or (monotonic(), wall())
        self._behind = False
        self.ahead_us = 0

    @property
    def anchor(self) -> tuple[float, int]:
        """A moment, and the time it is taken for: with them another clock tells the same times."""
        return self._anchor_s, self._anchor_us

    def at_us(self, moment_s: float) -> int:
        """Return a moment of the monotonic clock as microseconds since the epoch."""
        return self._anchor_us + int((moment_s - self._anchor_s) * 1e6)

    def now_us(self) -> int:
        """Return the time now."""
        return self.at_us(self._monotonic())

    def check(self) -> None:
        """Look whether the wall clock was set; call it now and then."""
        now_s = self._monotonic()
        self.ahead_us = self.at_us(now_s) - self._wall()
        if self.ahead_us < -STEP_US:
            logger.warning("the clock was set forward by %.3f s; facts follow it", -self.ahead_us / 1e6)
            self._anchor_us -= self.ahead_us
            self.ahead_us = 0
        behind = self.ahead_us > STEP_US
        if behind and not self._behind:
            logger.warning(
                "the clock was set back by %.3f s; the times of facts stay ahead of it until it has caught "
                "up or the router is started again",
                self.ahead_us / 1e6,
            )
        self._behind = behind
