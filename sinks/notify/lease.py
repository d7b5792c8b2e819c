"""A process that was stopped for a while may have lost its partitions, and not know it yet. No clock, no I/O.

It looks at the clock all the time; a gap as long as the group waits for a silent member means that another
may be sending what this one still has in hand. It sends nothing then until the group has had the time to say
so, which ends the session, or has not.
"""


class Lease:
    """Held by a session. Times are of the monotonic clock, seconds."""

    def __init__(self, timeout_s: float, now_s: float) -> None:
        self._timeout_s = timeout_s
        self._seen_s = now_s
        self._hold_until_s = now_s

    def renew(self, now_s: float) -> None:
        """Look at the clock."""
        # Half: heartbeats are sent every third, and the last one may have been lost.
        if now_s - self._seen_s > self._timeout_s / 2:
            self._hold_until_s = now_s + self._timeout_s
        self._seen_s = now_s

    def hold_s(self, now_s: float) -> float:
        """Return for how many seconds nothing may be sent."""
        self.renew(now_s)
        return max(0.0, self._hold_until_s - now_s)
