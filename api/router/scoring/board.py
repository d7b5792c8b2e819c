"""The places of one model under one policy, as columns: what a choice reads, and nothing it must compute.

Columns are in the order of the upstreams' ids, so that nothing depends on the order in which places came.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from api.router.abilities import ABLE
from api.router.scoring import efficiency, row, wait
from api.router.scoring.efficiency import Standard
from api.router.scoring.place import Place
from api.router.scoring.policy import Policy
from api.router.scoring.row import GOALS, Row
from api.router.scoring.term import RANK_S

_SHIFT = 0.02
"""How much the standard of efficiency may move before every place is compared with it anew."""


class Load(NamedTuple):
    """Requests that an upstream has, ours and others', and how many it serves at once; None: unknown."""

    outstanding: float
    slots: int | None


class Columns(NamedTuple):
    """Seconds of each place for one goal; ranks and waits are in ``fixed``."""

    fixed: list[float]
    prompt: Sequence[float]
    output: Sequence[float]


class Board:
    """Rated places; ``waits`` and ``busy`` change with every request, the rest when something is known anew.

    Attributes:
        rows: the places, rated; a new tuple whenever it changes.
        index: where an upstream is.
        waits: seconds that each upstream's load costs.
        busy: requests for each of its places.
        columns: the sums of the rows, by goal.
        least_context: the smallest context of any place; None where none is known.
        lacks: what some place cannot do.
    """

    __slots__ = (
        "_policy", "_standard", "busy", "columns", "index", "lacks", "least_context", "rows", "waits",
    )  # fmt: skip

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._standard = Standard()
        self.rows: tuple[Row, ...] = ()
        self.index: Mapping[str, int] = {}
        self.waits: list[float] = []
        self.busy: list[float] = []
        self.columns: tuple[Columns, ...] = ()
        self.least_context: int | None = None
        self.lacks: frozenset[str] = ABLE

    @property
    def policy(self) -> Policy:
        """What it is rated by."""
        return self._policy

    def fill(self, places: Mapping[str, Place], loads: Mapping[str, Load], now_s: float) -> None:
        """Take these places in place of all there were."""
        ordered = [places[id_] for id_ in sorted(places)]
        self._standard = efficiency.standard(ordered)
        self.rows = tuple(self._rated(place, now_s) for place in ordered)
        self.index = {place.upstream: index for index, place in enumerate(ordered)}
        self.waits = [0.0] * len(ordered)
        self.busy = [0.0] * len(ordered)
        self._sum()
        for id_ in self.index:
            self.load(id_, loads[id_])

    def change(self, changed: Mapping[str, Place], loads: Mapping[str, Load], now_s: float) -> None:
        """Take what is known anew of places that are there."""
        rows = list(self.rows)
        for id_, place in changed.items():
            rows[self.index[id_]] = self._rated(place, now_s)
        against = efficiency.standard(one.place for one in rows)
        if _moved(self._standard, against):
            self._standard = against
            rows = [self._rated(one.place, now_s) for one in rows]
        self.rows = tuple(rows)
        self._sum()
        for id_ in changed:
            self.load(id_, loads[id_])

    def load(self, upstream: str, told: Load) -> None:
        """Hear how busy an upstream is."""
        index = self.index[upstream]
        one = self.rows[index]
        seconds = wait.wait_s(told.outstanding, told.slots, one.service_s, self._policy)
        self.waits[index] = seconds
        for columns, sums in zip(self.columns, one.sums, strict=True):
            columns.fixed[index] = RANK_S * one.rank + sums.fixed + seconds
        self.busy[index] = wait.occupancy(told.outstanding, told.slots, self._policy)

    def _rated(self, place: Place, now_s: float) -> Row:
        return row.rate(place, self._policy, self._standard, now_s)

    def _sum(self) -> None:
        rows = self.rows
        self.columns = tuple(
            Columns(
                [
                    RANK_S * one.rank + one.sums[goal].fixed + waited
                    for one, waited in zip(rows, self.waits, strict=True)
                ],
                [one.sums[goal].prompt for one in rows],
                [one.sums[goal].output for one in rows],
            )
            for goal in range(len(GOALS))
        )
        contexts = [one.place.context or one.place.most_context for one in rows]
        self.lacks = ABLE.union(*(one.place.lacks for one in rows))
        self.least_context = min((known for known in contexts if known is not None), default=None)


def _moved(before: Standard, after: Standard) -> bool:
    """Tell whether a standard differs by more than noise; NaN is equal to NaN."""
    return any(
        (one == one or other == other) and not abs(one - other) <= _SHIFT * abs(one)
        for one, other in zip(before, after, strict=True)
    )
