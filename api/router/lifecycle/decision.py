"""What a chooser tells of a choice, as the facts have it."""

from typing import NamedTuple

from schemas.events.reading import NAN
from schemas.events.request_routed import Candidate


class Explanation(NamedTuple):
    """Why a choice was made; empty and NaN where that is not known. ``places``: how many there were."""

    policy: str = ""
    policy_version: str = ""
    propensity: float = NAN
    shadow_policy: str = ""
    shadow_node_id: str = ""
    candidates: tuple[Candidate, ...] = ()
    places: int = 0


UNEXPLAINED = Explanation()
