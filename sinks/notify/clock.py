"""The two clocks of the notifier: one that does not step measures waits, the other dates facts."""

import time
from collections.abc import Callable
from typing import NamedTuple


def _wall_us() -> int:
    return time.time_ns() // 1000


class Clock(NamedTuple):
    """``monotonic_s`` in seconds from anywhere, ``wall_us`` in µs since the epoch."""

    monotonic_s: Callable[[], float] = time.monotonic
    wall_us: Callable[[], int] = _wall_us


SYSTEM = Clock()
