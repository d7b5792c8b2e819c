"""Time for the tokens of the answer.

It takes the place of Herd's affinity of roles: which node suits a large model is not told by classes of size
and memory, but by how fast it was seen to serve it.
"""

from api.router.scoring.place import Place
from api.router.scoring.policy import Policy
from api.router.scoring.service import speeds
from api.router.scoring.term import Term


def rate(place: Place, policy: Policy) -> Term:
    """``value``: tokens of an answer a second."""
    _, _, decode_s = speeds(place, policy)
    return Term("decode", 1.0 / decode_s if decode_s else 0.0, 0.0, 0.0, decode_s, place.speed.seen_s)
