"""How full the runtime's key-value cache is: near its end, requests wait for others to end, or start anew."""

import math

from api.router.scoring.place import Place
from api.router.scoring.policy import Policy
from api.router.scoring.service import service_s
from api.router.scoring.term import Term


def rate(place: Place, policy: Policy) -> Term:
    """``value``: 0..1 that is used. From ``kv_from`` on, a growing share of a request's time."""
    used = place.condition.kv_cache_ratio
    if math.isnan(used) or used <= policy.kv_from:
        return Term("kv_headroom", used, seen_s=place.condition.seen_s)
    full = min(1.0, (used - policy.kv_from) / (1.0 - policy.kv_from))
    seconds = full * policy.kv_share * service_s(place, policy)
    return Term("kv_headroom", used, seconds, seen_s=place.condition.seen_s)
