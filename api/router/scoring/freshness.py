"""How old what is known of a node is.

A node that was not heard of lately may be anything: it loses weight, and in the end is used only for want of
others.
"""

import math

from api.router.scoring.place import Place
from api.router.scoring.policy import Policy
from api.router.scoring.service import service_s
from api.router.scoring.term import Rank, Term

_FRESH_INTERVALS, _STALE_INTERVALS = 2.0, 4.0


def rate(place: Place, policy: Policy, now_s: float) -> Term:
    """``value``: seconds since its last state; NaN where there is none. It counts where states should come.

    Up to ``fresh_s``: nothing. Then a share of a request's time that grows to ``stale_share`` at ``stale_s``;
    older than that ranks as doubtful. Both are longer for a node that seldom tells. A node whose first state
    has not come yet counts as about to be stale.
    """
    condition = place.condition
    if not condition.expected:
        return Term("freshness")
    age_s = now_s - condition.seen_s
    fresh_s = max(policy.fresh_s, _FRESH_INTERVALS * condition.interval_s)
    stale_s = max(policy.stale_s, _STALE_INTERVALS * condition.interval_s)
    grown = 1.0
    if not math.isnan(age_s):
        age_s = max(0.0, age_s)
        grown = min(1.0, max(0.0, (age_s - fresh_s) / (stale_s - fresh_s)))
    seconds = grown * policy.stale_share * service_s(place, policy) if grown else 0.0
    rank = Rank.DOUBTFUL if age_s > stale_s else Rank.GOOD
    return Term("freshness", age_s, seconds, seen_s=condition.seen_s, rank=rank)
