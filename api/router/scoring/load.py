"""Residency: a model that is not in memory has to be loaded first. That costs its time, and no more.

Herd gives 50 points for being loaded, so that a hot node always beats a cold one, however busy it is.
"""

import math

from api.router.scoring.place import Place
from api.router.scoring.policy import Policy
from api.router.scoring.term import Term


def rate(place: Place, policy: Policy) -> Term:
    """``value``: 1 where it is loaded.

    One that loads for an earlier request needs only the rest of that time. To load another copy costs a share
    more than its time: otherwise a burst would bring a model into the memory of every node.
    """
    seen_s = place.condition.seen_s
    if place.loaded:
        return Term("load", 1.0, seen_s=seen_s)
    seconds = load_s(place, policy)
    if math.isnan(place.loading_s):
        return Term("load", 0.0, (1.0 + policy.copy_share) * seconds, seen_s=seen_s)
    return Term("load", 0.0, max(0.0, seconds - place.loading_s), seen_s=seen_s)


def load_s(place: Place, policy: Policy) -> float:
    """Return how long loading takes: as it took before, else by the model's size."""
    if not math.isnan(place.speed.load_s):
        return place.speed.load_s
    if not math.isnan(place.size_bytes):
        return 1.0 + place.size_bytes / policy.load_bytes_per_s
    return policy.load_s
