"""A request's place: first in the queue, then in flight, then gone."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from api.router.queue.line import Line


class State(StrEnum):
    """Where a ticket is; all but the first two are ends."""

    WAITING = "waiting"
    IN_FLIGHT = "in_flight"
    FINISHED = "finished"
    ABANDONED = "abandoned"
    """Its caller left the queue."""
    CANCELLED = "cancelled"
    """An operator took it out of the queue."""
    TIMED_OUT = "timed_out"
    """Its patience ended in the queue."""


ENDS = (State.FINISHED, State.ABANDONED, State.CANCELLED, State.TIMED_OUT)


class Cause(StrEnum):
    """What keeps a ticket waiting."""

    NONE = "none"
    """Nothing: it was released as it came."""
    NO_UPSTREAM = "no_upstream"
    """No upstream that is open serves the model."""
    MODEL_CAP = "model_cap"
    """Every place of the upstreams that serve the model is taken."""
    BUDGET = "budget"
    """It is at the head of its pool, which is kept free for it: it is dearer than what is left."""
    RESERVED = "reserved"
    """What is left of its pool is kept for a ticket ahead of it."""
    EXCLUSIVE = "exclusive"
    """Another model has the pool to itself."""
    HAND_OFF = "hand_off"
    """The pool is being emptied for another model."""
    KEY_IN_FLIGHT = "key_in_flight"
    """Its key has as many requests in flight as it may."""
    KEY_BUDGET = "key_budget"
    """Its key has used up its tokens, for now."""
    TURN = "turn"
    """Others are ahead of it, by priority, by their share, or in the line of its own key."""


class Reason(NamedTuple):
    """Why a ticket waits: ``subject`` names the model, pool, key or ticket that is meant."""

    cause: Cause
    subject: str = ""


NOTHING = Reason(Cause.NONE)


@dataclass(slots=True, eq=False)
class Ticket:
    """One request; the caller fills in the first seven fields, the queue the others.

    Attributes:
        id: unique among the tickets that wait or are in flight.
        model: what it waits for.
        key: whose it is; the fingerprint of an API key.
        priority: as asked; the queue lowers it to what the key may have. Higher goes first.
        prompt_tokens: an estimate, for its cost and its key's share.
        max_tokens: most tokens of the answer, where it says so.
        patience_s: how long it may wait; infinite: until it is served.
        state: where it is.
        entered: when it came.
        deadline: when its patience ends.
        released: when it went.
        left: when it finished, or left the queue.
        reason: the last thing that kept it waiting; ``none`` where it did not wait.
        aged: whether it went before a higher priority because of its age.
        tokens: what its key is charged for it, tokens: the estimate, then what was used.
        weight: its key's, when it came.
        factor: by how much it is dearer than a short prompt.
        cost: what it takes of its pool while in flight, in ``cost.UNIT``.
        upstream: who serves it, once that is known; empty before.
        served: the model that it counts for; another than ``model`` where a fallback serves it.
        seq: the order of coming.
    """

    id: str
    model: str
    key: str = "none"
    priority: int = 0
    prompt_tokens: int = 0
    max_tokens: int | None = None
    patience_s: float = math.inf

    state: State = State.WAITING
    entered: float = 0.0
    deadline: float = math.inf
    released: float = math.nan
    left: float = math.nan
    reason: Reason = NOTHING
    aged: bool = False
    tokens: float = 0.0
    weight: float = 1.0
    factor: float = 1.0
    cost: int = 0
    upstream: str = ""
    served: str = ""
    seq: int = 0
    line: "Line | None" = field(default=None, repr=False)

    @property
    def waited_s(self) -> float:
        """How long it waited, once it is out of the queue."""
        return (self.left if math.isnan(self.released) else self.released) - self.entered


class Change(NamedTuple):
    """What a call did: the tickets that may go now, and those that left the queue, each in order."""

    released: list[Ticket]
    left: list[Ticket]
