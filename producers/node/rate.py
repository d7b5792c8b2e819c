"""Counters to rates: the difference over the time between two readings."""

from collections.abc import Mapping

from schemas.events.reading import NAN


class Rates:
    """Remembers the last reading of each counter."""

    def __init__(self) -> None:
        self._last: tuple[float, Mapping[str, float]] | None = None

    def per_second(self, now_s: float, counters: Mapping[str, float]) -> dict[str, float]:
        """Return each counter's rate; NaN at first, when no time has passed, and when it went backwards."""
        last, self._last = self._last, (now_s, dict(counters))
        if last is None or now_s <= last[0]:
            return dict.fromkeys(counters, NAN)
        elapsed_s = now_s - last[0]
        return {name: _rate(value - last[1].get(name, NAN), elapsed_s) for name, value in counters.items()}


def _rate(difference: float, elapsed_s: float) -> float:
    return difference / elapsed_s if difference >= 0 else NAN
