"""Whether a model that is not loaded fits in memory; what is loaded fits."""

import math

from api.router.scoring.load import load_s
from api.router.scoring.place import Place
from api.router.scoring.policy import Policy
from api.router.scoring.term import Rank, Term

ROOM = 1.2
"""Weights and a cache for its context; what Herd counts as a comfortable fit."""


def rate(place: Place, policy: Policy) -> Term:
    """``value``: free memory in sizes of the model. Tight: half a load more. Too little: others must go.

    A model larger than all the memory would be served from the CPU, if at all: it is unfit.
    """
    condition = place.condition
    free, total, size = condition.memory_free_bytes, condition.memory_total_bytes, place.size_bytes
    if place.loaded or math.isnan(free) or math.isnan(size) or size <= 0:
        return Term("memory_fit")
    ratio = free / size
    rank = Rank.UNFIT if total < size else Rank.GOOD
    if ratio >= ROOM:
        return Term("memory_fit", ratio, seen_s=condition.seen_s, rank=rank)
    share = 0.5 if ratio >= 1.0 else 1.0
    return Term("memory_fit", ratio, share * load_s(place, policy), seen_s=condition.seen_s, rank=rank)
