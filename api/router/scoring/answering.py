"""Whether an upstream answers: this router's own questions, and those of the agent beside it."""

from api.router.scoring.place import Place
from api.router.scoring.term import Rank, Term


def rate(place: Place) -> Term:
    """``value``: 1 where it answers. One that does not may still; it is used only for want of others.

    Where this router and the agent say different things, one that answers this router answers.
    """
    if place.silent:
        return Term("answering", 0.0, rank=Rank.SILENT)
    return Term("answering", 1.0)
