"""Who changes rules and channels, and whether they may."""

from starlette.requests import Request

from api.auth import OPERATE, Key
from api.edge import KEY
from api.problem import Problem

LOCAL = "local"
"""Who it was, where no key is needed."""


def changer(request: Request) -> str:
    """Return the name of the key that a change came with.

    Raises:
        Problem: 403, the key may only read.
    """
    key: Key | None = getattr(request.state, KEY, None)
    if key is None:
        return LOCAL
    if OPERATE not in key.scopes:
        raise Problem(
            403, "scope-needed", f"the key {key.name} may only read",
            f"`penstock keys create NAME --scope {OPERATE}` makes one that may change rules and channels",
        )  # fmt: skip
    return key.name
