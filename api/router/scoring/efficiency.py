"""Tokens a joule, thermally corrected (WES): decides among equals, or weighs as much as the goal says.

Each place is compared with the best of its model: it adds a share of the request's own time, so large as the
best is better. Where nothing is known it counts as the average. An advantage fades as it ages; a disadvantage
stands until something new is heard.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from api.router.scoring.place import Place
from api.router.scoring.policy import Policy
from api.router.scoring.service import speeds
from api.router.scoring.term import Term

MOST = 3.0
"""A place is never counted as more than four times as bad as the best."""


class Standard(NamedTuple):
    """What the places of a model are compared with: the best tokens a joule, and the usual excess over it."""

    best: float = math.nan
    usual: float = 0.0


def standard(places: Iterable[Place]) -> Standard:
    """Return the standard of a model's places."""
    known = [place.wes for place in places if place.wes > 0]
    if not known:
        return Standard()
    best = max(known)
    return Standard(best, sum(min(MOST, best / wes - 1.0) for wes in known) / len(known))


def rate(place: Place, policy: Policy, weight: float, against: Standard, now_s: float) -> Term:
    """``value``: tokens a joule; ``weight`` is the goal's."""
    share = weight * _excess(place, policy, against, now_s)
    if not share:
        return Term("efficiency", place.wes, seen_s=place.wes_seen_s)
    first_s, prefill_s, decode_s = speeds(place, policy)
    return Term(
        "efficiency", place.wes, share * first_s, share * prefill_s, share * decode_s, place.wes_seen_s
    )


def _excess(place: Place, policy: Policy, against: Standard, now_s: float) -> float:
    if not place.wes > 0:
        return against.usual
    excess = min(MOST, against.best / place.wes - 1.0)
    if excess >= against.usual:
        return excess
    age_s = max(0.0, now_s - place.wes_seen_s)
    faded = math.exp2(-age_s / policy.efficiency_half_life_s)
    return against.usual + (excess - against.usual) * faded
