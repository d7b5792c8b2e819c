"""Time to the first token once a request runs; it grows with the prompt."""

from api.router.scoring.place import Place
from api.router.scoring.policy import Policy
from api.router.scoring.service import speeds
from api.router.scoring.term import Term


def rate(place: Place, policy: Policy) -> Term:
    """``value``: tokens of a prompt a second."""
    first_s, prefill_s, _ = speeds(place, policy)
    return Term("prefill", 1.0 / prefill_s if prefill_s else 0.0, first_s, prefill_s, 0.0, place.speed.seen_s)
