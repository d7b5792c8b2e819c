"""Which models are in memory, and where there is room for one more."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from api.router.fleet_view import memory_bytes
from api.router.places import Known, place, residents
from api.router.roster import Roster
from api.router.scoring.place import Place
from api.router.seams import Upstream

_RESIDENTS_S = 1.0


class Cold(NamedTuple):
    """An upstream that could load a model, which it has on disk."""

    upstream: Upstream
    place: Place

    @property
    def room_bytes(self) -> float:
        """Free memory that is left when the model is loaded; NaN where that is unknown."""
        return self.place.condition.memory_free_bytes - self.place.size_bytes


class Memory:
    """Looks at what a chooser knows.

    Args:
        roster: the upstreams.
        known: tells what is known of them now.
    """

    def __init__(self, roster: Roster, known: Callable[[], Known]) -> None:
        self._roster = roster
        self._known = known
        self._residents: Mapping[str, float] = {}
        self._residents_s = -math.inf

    def residents(self) -> Mapping[str, float]:
        """Return the models that are in memory anywhere, and their sizes in bytes; NaN where unknown.

        It is looked up once a second at most.
        """
        now_s = time.monotonic()
        if now_s - self._residents_s > _RESIDENTS_S:
            self._residents_s = now_s
            self._residents = residents(self._roster.offers, self._known(), now_s)
        return self._residents

    def size_bytes(self, model: str) -> float:
        """Return the size of a model; NaN where it is unknown."""
        sizes = (offer.size_bytes for offer in self._roster.offers.get(model, {}).values())
        return next((size for size in sizes if not math.isnan(size)), math.nan)

    def places(self, model: str) -> Sequence[Cold]:
        """Return all upstreams that have a model, and how it is there."""
        now_s, known = time.monotonic(), self._known()
        offered = self._roster.offers.get(model, {})
        return [
            Cold(self._roster.upstreams[id_], place(offered[id_], known, now_s)) for id_ in sorted(offered)
        ]

    def cold(self, model: str) -> Sequence[Cold]:
        """Return the Ollamas that have a model and not in memory, those with the most room first.

        Other servers load their models when they start. Where the room is unknown is last.
        """
        found = [one for one in self.places(model) if one.upstream.kind == "ollama" and not one.place.loaded]
        return sorted(found, key=lambda one: math.inf if math.isnan(one.room_bytes) else -one.room_bytes)

    def roomiest(self) -> Sequence[Upstream]:
        """Return the Ollamas that answer, those with the most free memory first."""
        silent = set(self._known().silent)
        ollamas = [one for one in self._roster.upstreams.values() if one.kind == "ollama"]
        answering = [one for one in ollamas if one.id not in silent]
        return sorted(answering, key=lambda one: (-self._free_bytes(one.id), one.id))

    def _free_bytes(self, id_: str) -> float:
        """Return the free memory where an upstream is; below 0 where that is unknown."""
        state = self._roster.servers[id_].state
        free = memory_bytes(state)[0] if state else math.nan
        return -1.0 if math.isnan(free) else free
