"""How hot the accelerators are: a hot one is slow already, or will be before the answer is over."""

from api.router.scoring.place import Place
from api.router.scoring.policy import Policy
from api.router.scoring.service import service_s
from api.router.scoring.term import Rank, Term

LEVELS = {"unknown": 0.0, "normal": 0.0, "fair": 1.0, "serious": 2.0, "critical": 3.0}


def rate(place: Place, policy: Policy) -> Term:
    """``value``: 0 normal or unknown, 1 fair, 2 serious, 3 critical, used only for want of others."""
    state = place.condition.thermal
    share = {"fair": policy.thermal_fair, "serious": policy.thermal_serious, "critical": 1.0}.get(state, 0.0)
    return Term(
        "thermal",
        LEVELS[state],
        share * service_s(place, policy) if share else 0.0,
        seen_s=place.condition.seen_s,
        rank=Rank.DOUBTFUL if state == "critical" else Rank.GOOD,
    )
