"""The request stage: what happened to requests in, panes of ten seconds for each node and model out.

A request belongs to a node from when it was sent there until it ended or was sent elsewhere, and to its fleet
from when it came until it ended: the panes of a fleet have no node_id; there, received = finished + open.
A pane closes with the first tick that arrives ``GRACE_US`` after its end. What comes later makes a further
part of it, with the next revision; parts and revisions add up. ``oldest_silent_s`` alone does not add: it is
the largest of the parts.
"""

from collections.abc import Iterator

from processors.requests import facts, ledger
from processors.requests.pane import Place, Sheet, sheets, start_of, written
from processors.requests.state import FLEET_KEY, PANE_US, Chunk, Fact, Revised, State, initial, with_fact
from processors.stage import Arrived, Output, Outputs, Rejected
from processors.state_codec import StateCodec
from schemas.codec import Event
from schemas.events.clock_tick import ClockTick
from schemas.topics import PANES, REQUEST_STAGE_STATES, REQUESTS, Topic

SECOND_US = 1_000_000
GRACE_US = 5 * SECOND_US
# A fold has just been made if the newest record came within this of it.
SETTLED_US = 3 * SECOND_US
# As for samples: a fact from further ahead or further back is no fact of a router whose clock works.
FUTURE_US = 300 * SECOND_US
PAST_US = 8 * 24 * 3600 * SECOND_US
# A key without requests is forgotten when no fact can come that would revise one of its panes.
FORGET_KEY_US = PAST_US + FUTURE_US
# Panes that one tick closes at most: after an outage of the log the next ticks close the rest.
PANES_AT_ONCE = 360
# Panes whose last revision is remembered.
REVISED = 256

_CODEC = StateCodec(State)


class RequestStage:
    """Folds ``requests`` into ``panes``, a part for each partition."""

    name = "request-stage"
    source: Topic = REQUESTS
    states: Topic = REQUEST_STAGE_STATES

    def key(self, event: Event) -> str | tuple[str, ...] | None:
        """Return the nodes and the fleet that an event concerns; a tick concerns every key."""
        if isinstance(event, ClockTick):
            return None
        if isinstance(event, facts.REQUEST_EVENTS):
            return facts.keys(event)
        return str(getattr(event, "node_id", ""))

    def initial(self, key: str) -> State:
        """Return the state of a key that has not been seen."""
        return initial(key)

    def step(self, state: State, arrived: Arrived) -> tuple[State, Outputs]:
        """Return the state after a fact or a tick, and the panes that follow."""
        event = arrived.event
        if isinstance(event, facts.REQUEST_EVENTS):
            return _fact(state, event, arrived.arrived_at)
        if isinstance(event, ClockTick):
            return _tick(state, arrived)
        return state, (Rejected("unexpected_event", f"{type(event).__name__} is no event of requests"),)

    def forward(self, arrived: Arrived) -> Outputs:
        """Return what follows once from a record that concerns every key: nothing."""
        return ()

    def settled(self, state: State) -> bool:
        """Return whether panes have just been closed, so that few facts are open."""
        return state.last_arrived_at - state.closed_at < SETTLED_US

    def over(self, state: State) -> bool:
        """Return whether the key has had no requests for ``FORGET_KEY_US``, or never any."""
        return state.gone or not state.last_arrived_at

    def encode(self, state: State) -> bytes:
        """Return the state as bytes."""
        return _CODEC.encode(state)

    def decode(self, raw: bytes) -> State:
        """Return the state of ``encode``."""
        return _CODEC.decode(raw)


def _fact(state: State, event: facts.RequestEvent, arrived_at: int) -> tuple[State, Outputs]:
    ahead_us = event.occurred_at - arrived_at
    if not -PAST_US <= ahead_us <= FUTURE_US:
        # Said once, however many keys the event concerns.
        speaks = state.key == facts.keys(event)[0]
        text = f"{ahead_us / 1e6:.0f} s ahead of its arrival"
        return state, (Rejected("implausible_time", text),) if speaks else ()
    fact = facts.fact_of(event, state.key)
    return (state, ()) if fact is None else (with_fact(state, fact, arrived_at), ())


def _tick(state: State, arrived: Arrived) -> tuple[State, Outputs]:
    now = arrived.arrived_at
    until = _limit(state, now)
    due = [fact for fact in _facts(state) if start_of(fact.occurred_at) + PANE_US <= until]
    if due or (state.open and until > state.closed_until):
        return _fold(state, due, until, arrived)
    idle = not state.open and not state.facts and now - state.last_arrived_at > FORGET_KEY_US
    return (state._replace(gone=True) if idle else state), ()


def _limit(state: State, now: int) -> int:
    """Return the end of the newest pane that can be closed."""
    until = start_of(now - GRACE_US)
    return min(until, state.closed_until + PANES_AT_ONCE * PANE_US) if state.open else until


def _fold(state: State, due: list[Fact], until: int, arrived: Arrived) -> tuple[State, Outputs]:
    now = arrived.arrived_at
    due.sort(key=_order)
    book = ledger.Ledger(state, ledger.known_among(state.remembered, due))
    for fact in due:
        book.take(fact)
    found = sheets(book.taken, book.stays(now), state.closed_until, until)
    outputs, revised, before = _written(state, found, arrived.partition)
    left = tuple(fact for fact in _facts(state) if start_of(fact.occurred_at) + PANE_US > until)
    after = State(
        state.key,
        (Chunk(left),) if left else (),
        tuple(sorted(book.open.values())),
        ledger.remember(state.remembered, book.digests, now),
        revised,
        before,
        book.counts(),
        max(until, state.closed_until),
        now,
        state.last_arrived_at,
        False,
    )
    return after, outputs


def _facts(state: State) -> Iterator[Fact]:
    return (fact for chunk in state.facts for fact in chunk.facts)


def _order(fact: Fact) -> tuple[int, int, int, str]:
    return fact[:4]


def _written(state: State, found: dict[Place, Sheet], part: int) -> tuple[Outputs, tuple[Revised, ...], int]:
    """Return the panes of the sheets in the order of time, and the revisions after them."""
    node_id = "" if state.key.startswith(FLEET_KEY) else state.key
    revisions = {each[:3]: each.revision for each in state.revised}
    outputs: list[Output] = []
    for place in sorted(found):
        sheet = found[place]
        if not (sheet.facts or sheet.open or sheet.in_flight_us):
            continue
        revision = 0
        if place[0] < state.closed_until:
            revision = revisions.get(place, state.revised_before) + 1
            # Put last, so that those which were revised longest ago go first.
            revisions.pop(place, None)
            revisions[place] = revision
        pane = written(place, sheet, node_id=node_id, part=part, revision=revision)
        outputs.append(Output(PANES, node_id, pane))
    revised = [Revised(*place, revision) for place, revision in revisions.items()]
    gone, kept = revised[:-REVISED], revised[-REVISED:]
    before = max([state.revised_before, *(each.revision for each in gone)])
    return tuple(outputs), tuple(kept), before
