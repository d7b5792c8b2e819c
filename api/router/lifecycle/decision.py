"""What a chooser tells of a choice, as the facts have it."""

from typing import NamedTuple, Protocol, runtime_checkable

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


@runtime_checkable
class Explained(Protocol):
    """A decision that can say why. It is asked after the request has gone, so this may take its time."""

    def explain(self) -> Explanation:
        """Return why."""


def explanation(decision: object | None) -> Explanation:
    """Return what a decision tells of itself."""
    if decision is None or not isinstance(decision, Explained):
        return UNEXPLAINED
    return decision.explain()
