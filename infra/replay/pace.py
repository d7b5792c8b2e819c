"""A replay at a speed: for watching, and for trying what reads what it writes."""

import time
from collections.abc import Callable


class Pace:
    """Lets log time pass ``speed`` times as fast as the clock from ``begins`` on; until then as it goes."""

    def __init__(
        self,
        begins: int,
        speed: float,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._begins = begins
        self._speed = speed
        self._now = now
        self._sleep = sleep
        self._began_s: float | None = None

    def __call__(self, at: int) -> None:
        """Wait until it is time for what arrived at ``at``, µs since the epoch."""
        if at < self._begins:
            return
        if self._began_s is None:
            self._began_s = self._now()
        early_s = (at - self._begins) / 1e6 / self._speed - (self._now() - self._began_s)
        if early_s > 0:
            self._sleep(early_s)
