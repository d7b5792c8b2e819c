"""How many messages a second a channel gets: a bucket of tokens that fills steadily. No clock."""


class Rate:
    """At most ``per_s`` a second, and as many of them at once after a pause, at least one."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._burst = max(1.0, per_s)
        self._tokens = self._burst
        self._at_s = float("-inf")

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until one more may go."""
        self._fill(now_s)
        return max(0.0, (1.0 - self._tokens) / self._per_s)

    def take(self, now_s: float) -> None:
        """One goes."""
        self._fill(now_s)
        self._tokens -= 1.0

    def _fill(self, now_s: float) -> None:
        elapsed_s = max(0.0, now_s - self._at_s)
        self._tokens = min(self._burst, self._tokens + elapsed_s * self._per_s)
        self._at_s = max(self._at_s, now_s)
