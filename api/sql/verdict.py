"""Why a query may not run, for the person who wrote it."""

from api.sql.aggregates import is_aggregate
from api.sql.functions import ALLOWED
from schemas.errors import RefusedError


class QueryRefusedError(RefusedError):
    """The query may not run; ``hint`` says what to write instead."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


def is_function(name: str) -> bool:
    """Tell whether people's SQL may call the function ``name``, written in any case."""
    return name.lower() in ALLOWED or is_aggregate(name)


def unknown_function(name: str) -> QueryRefusedError:
    """Return the refusal of a function that is not on the list."""
    return QueryRefusedError(
        f"the function {name} is not one of those that ad-hoc SQL may call",
        "functions that compute from their arguments alone are allowed; what reads files, dictionaries, "
        "settings, other servers or the machine, or waits, is not",
    )
