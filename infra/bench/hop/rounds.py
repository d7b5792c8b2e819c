"""Hops measured in turns, so that whatever else the machine does touches all of them alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from infra.bench.hop import load
from infra.bench.hop.load import Load
from schemas.errors import UnavailableError

ROUNDS = 5
SECONDS = 2.0
PATIENCE_S = 30.0
HOW = f"Medians of {ROUNDS} rounds, in each of which all are measured in turns; ratios are of one round."


@dataclass(frozen=True, slots=True)
class Rounds:
    """What each hop did in each round, by name. All figures are medians over the rounds."""

    loads: Mapping[str, Sequence[Load]]

    def per_s(self, name: str) -> float:
        """Return answers a second."""
        return median(one.per_s for one in self.loads[name])

    def ratio(self, name: str, to: str) -> float:
        """Return how many times as many answers a second one gave as the other in the same round."""
        pairs = zip(self.loads[name], self.loads[to], strict=True)
        return median(one.per_s / other.per_s for one, other in pairs)

    def quantile_ms(self, name: str, share: float) -> float:
        """Return a quantile of what answers took, milliseconds."""
        return median(one.quantile_ms(share) for one in self.loads[name])

    def added_ms(self, name: str, beside: str) -> float:
        """Return what the median answer took longer than beside, in the same round, milliseconds."""
        pairs = zip(self.loads[name], self.loads[beside], strict=True)
        return median(one.quantile_ms(0.5) - other.quantile_ms(0.5) for one, other in pairs)

    def errors(self) -> Mapping[str, int]:
        """Return how many answers were wrong, of those hops that gave any."""
        counts = {name: sum(one.errors for one in loads) for name, loads in self.loads.items()}
        return {name: count for name, count in counts.items() if count}


def measure(asked: Mapping[str, tuple[int, bytes]], *, clients: int) -> Rounds:
    """Ask each hop, a port and a request, in turns; a first round does not count.

    Raises:
        UnavailableError: a hop does not answer.
    """
    found: dict[str, list[Load]] = {name: [] for name in asked}
    for number in range(ROUNDS + 1):
        for name, (port, request) in asked.items():
            one = _answered(name, port, request, clients)
            if number:
                found[name].append(one)
    return Rounds(found)


def _answered(name: str, port: int, request: bytes, clients: int) -> Load:
    """Return what one hop did in a round; a slow one, on a machine that is busy, is given more time."""
    for seconds in (SECONDS, PATIENCE_S):
        one = load.run(port, request, clients=clients, seconds=seconds)
        if one.taken_s:
            return one
    raise UnavailableError(f"{name} gave no answer to {clients} clients within {PATIENCE_S:g} s")
