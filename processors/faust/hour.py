"""When a stored copy is a snapshot too: the first of its key in each hour of the log's time.

Whether a copy is the first follows from where the key's last copy stands and from the offset the hour began
with. So it needs no memory of its own, and is the same after a crash.
"""

from typing import NamedTuple

HOUR_US = 3_600_000_000


class Hour(NamedTuple):
    """An hour of log time in one partition: its number since the epoch, and the first offset in it."""

    number: int = 0
    first: int = 0

    def after(self, offset: int, arrived_at: int) -> "Hour":
        """Return the hour after one more record. The log's time may go back; an hour does not."""
        number = arrived_at // HOUR_US
        return Hour(number, offset) if number > self.number else self

    @property
    def began_at(self) -> int:
        """When it began, µs since the epoch."""
        return self.number * HOUR_US


NO_HOUR = Hour()


class Snapshot(NamedTuple):
    """A copy of a key's state that is kept for replays. ``raw`` None: the key is over.

    ``offset``: the last record folded, and ``at`` when the log took it, µs since the epoch. ``begin``: the
    first offset that the stored copy of any key may miss: a key whose first copy is to come began no earlier.
    """

    key: str
    offset: int
    at: int
    begin: int
    raw: bytes | None
