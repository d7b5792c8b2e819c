"""What the open observations of a node say a router should do with it."""

from api.router.scoring.place import Place
from api.router.scoring.policy import Policy
from api.router.scoring.service import service_s
from api.router.scoring.term import Rank, Term

LEVELS = {"clear": 0.0, "monitor": 1.0, "reduce_batch": 2.0, "steer_away": 3.0}


def rate(place: Place, policy: Policy) -> Term:
    """``value``: 0 clear, 1 monitor, 2 reduce_batch, 3 steer_away, which is used only for want of others."""
    hint = place.condition.hint
    shares = {"monitor": policy.hint_monitor, "reduce_batch": policy.hint_reduce_batch, "steer_away": 1.0}
    share = shares.get(hint, 0.0)
    return Term(
        "hint",
        LEVELS[hint],
        share * service_s(place, policy) if share else 0.0,
        seen_s=place.condition.seen_s,
        rank=Rank.DOUBTFUL if hint == "steer_away" else Rank.GOOD,
    )
