"""Whether an upstream answers: this router's own questions, and those of the agent beside it."""

from api.router.scoring.place import Place
from api.router.scoring.term import Rank, Term


def rate(place: Place) -> Term:
    """``value``: 1 where it answers; 0.5 where it answers this router and not its agent, or says so.

    One that does not answer may yet; it is used only for want of others.
    """
    if place.silent:
        return Term("answering", 0.0, rank=Rank.SILENT)
    if place.condition.down:
        return Term("answering", 0.5, seen_s=place.condition.seen_s, rank=Rank.DOUBTFUL)
    return Term("answering", 1.0)
