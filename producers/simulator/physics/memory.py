"""Memory of the machine: who holds it, what goes to swap, and how long programs wait for it.

What does not fit is swapped out as fast as the disk takes it. Pages that are swapped out and touched come
back and push others out. Pressure is what Linux tells of it: the share of time in which some, or all, tasks
waited, as a mean over ten seconds.
"""

_USABLE = 0.985
_DISK_BYTES_PER_S = 450e6
_MEAN_S = 10.0
_WAIT_FACTOR = 1.3
_FORGET_S = 20.0


class Memory:
    """Bytes by who holds them; faults set ``leaked``, ``hogged`` and ``touched_bytes_per_s``."""

    __slots__ = (
        "base", "hogged", "in_bytes_per_s", "killed", "leaked", "out_bytes_per_s", "served", "some", "stall",
        "swap_bytes", "swapped", "total", "touched_bytes_per_s",
    )  # fmt: skip

    def __init__(self, total: float, swap_bytes: float, base: float) -> None:
        self.total = total
        self.swap_bytes = swap_bytes
        self.base = base
        self.served = self.leaked = self.hogged = self.touched_bytes_per_s = 0.0
        self.swapped = self.in_bytes_per_s = self.out_bytes_per_s = 0.0
        self.some = self.stall = 0.0
        self.killed = 0

    @property
    def used(self) -> float:
        """Bytes that are not available, by what the kernel counts."""
        return min(self.total * 0.995, self.base + self.served + self.leaked + self.hogged - self.swapped)

    def step(self, dt_s: float) -> None:
        """Let time pass."""
        held = self.base + self.served + self.leaked + self.hogged
        over = held - self.total * _USABLE
        if over <= 0.0 and self.swapped == 0.0 and self.some < 1e-4:
            self.in_bytes_per_s = self.out_bytes_per_s = self.some = self.stall = 0.0
            return
        if over > self.swap_bytes:
            self._kill()
            return
        wanted = max(0.0, over)
        out = in_ = 0.0
        if wanted > self.swapped:
            out = min(_DISK_BYTES_PER_S, (wanted - self.swapped) / dt_s)
            self.swapped += out * dt_s
        else:
            self.swapped += (wanted - self.swapped) * min(1.0, dt_s / _FORGET_S)
            self.swapped = 0.0 if self.swapped < 1e6 else self.swapped
        if self.hogged > 0.0 and self.touched_bytes_per_s > 0.0:
            away = min(1.0, self.swapped / self.hogged)
            in_ = min(_DISK_BYTES_PER_S - 0.5 * out, self.touched_bytes_per_s * away)
            out += in_
        self.in_bytes_per_s, self.out_bytes_per_s = in_, out
        waited = min(0.95, _WAIT_FACTOR * (in_ + out) / (2.0 * _DISK_BYTES_PER_S))
        share = dt_s / (dt_s + _MEAN_S)
        self.some += (waited - self.some) * share
        self.stall = self.some * self.some

    def _kill(self) -> None:
        """Let the kernel kill who holds the most: the program that leaks, or the one that hogs."""
        self.killed += 1
        if self.leaked >= self.hogged:
            self.leaked = 0.0
        else:
            self.hogged = 0.0
        self.swapped = 0.0
