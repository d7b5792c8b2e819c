"""How long to wait before a part is started again."""

from dataclasses import dataclass

FIRST_S = 0.5
LONGEST_S = 30.0
STABLE_S = 60.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubles with every death; a part that ran for a stable minute starts from the beginning."""

    deaths: int = 0

    def after_death(self, ran_s: float) -> "Backoff":
        """Return what holds after a run of this length."""
        return Backoff(1 if ran_s >= STABLE_S else self.deaths + 1)

    @property
    def delay_s(self) -> float:
        """Seconds to wait now."""
        return min(FIRST_S * 2.0 ** max(self.deaths - 1, 0), LONGEST_S)
