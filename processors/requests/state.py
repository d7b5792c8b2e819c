"""What the request stage remembers of one key: a node, or a fleet's requests as a whole.

A pane that is open is nothing but its facts, as in the node stage: a fact costs an append, and everything
else, duplicates included, is found out once, when the pane is folded.
"""

from typing import NamedTuple

PANE_US = 10_000_000
# A key that begins so stands for all requests of a fleet, wherever they are.
FLEET_KEY = "@"
# Adding a fact copies a chunk of this size, not all facts.
CHUNK = 64


class Fact(NamedTuple):
    """What an event says about a request at this key. ``values`` are those of its kind, NaN unknown."""

    occurred_at: int
    kind: int
    attempt: int
    request_id: str
    fleet: str
    model: str
    outcome: str
    values: tuple[float, ...]


class Chunk(NamedTuple):
    """Facts that are kept together, at most ``CHUNK``."""

    facts: tuple[Fact, ...]


class OpenRequest(NamedTuple):
    """A request that has come and not gone. ``progressed_at`` is 0 until it has made its step.

    That step is the first token at a node, and the way to a node in a fleet's queue.
    """

    request_id: str
    fleet: str
    model: str
    since: int
    progressed_at: int
    attempt: int


class Remembered(NamedTuple):
    """Digests, eight bytes each, of the facts that were folded at one time (of arrival, µs)."""

    folded_at: int
    digests: bytes


class Revised(NamedTuple):
    """The last revision of a pane that was written more than once."""

    started_at: int
    fleet: str
    model: str
    revision: int


class Counts(NamedTuple):
    """Facts by what became of them, since the state began; received - finished = open + forgotten."""

    received: int
    finished: int
    forgotten: int
    duplicates: int


class State(NamedTuple):
    """One key. ``closed_until`` is the end of the newest pane that was folded, ``closed_at`` when (arrival).

    ``revised_before`` is the highest revision of panes that are no longer in ``revised``.
    """

    key: str
    facts: tuple[Chunk, ...]
    open: tuple[OpenRequest, ...]
    remembered: tuple[Remembered, ...]
    revised: tuple[Revised, ...]
    revised_before: int
    counts: Counts
    closed_until: int
    closed_at: int
    last_arrived_at: int
    gone: bool


def initial(key: str) -> State:
    """Return the state of a key that has not been seen."""
    return State(key, (), (), (), (), 0, Counts(0, 0, 0, 0), 0, 0, 0, False)


def with_fact(state: State, fact: Fact, arrived_at: int) -> State:
    """Return the state with one more fact to fold."""
    chunks = state.facts
    fits = chunks and len(chunks[-1].facts) < CHUNK
    added = (*chunks[:-1], Chunk((*chunks[-1].facts, fact))) if fits else (*chunks, Chunk((fact,)))
    return state._replace(facts=added, last_arrived_at=arrived_at)
