"""What the serving path hands over: what happened, when by the monotonic clock, to which request."""

from typing import NamedTuple

from api.router.ask import Ask
from api.router.seams import Admitted, Choice, Finish


class Received(NamedTuple):
    """A request was read, at ``ask.received_s``."""

    at_s: float
    ask: Ask


class Went(NamedTuple):
    """The queue let it go."""

    at_s: float
    ask: Ask
    admitted: Admitted


class Sent(NamedTuple):
    """An attempt went out."""

    at_s: float
    ask: Ask
    attempt: int
    choice: Choice


class Failed(NamedTuple):
    """An attempt came to nothing."""

    at_s: float
    ask: Ask


class FirstToken(NamedTuple):
    """The first token came."""

    at_s: float
    ask: Ask
    kind: str


class Ended(NamedTuple):
    """It is over."""

    at_s: float
    ask: Ask
    finish: Finish


Moment = Received | Went | Sent | Failed | FirstToken | Ended
