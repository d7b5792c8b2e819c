"""A small stage with panes: it counts and sums, so that any record lost or doubled shows in what it says."""

from typing import NamedTuple

from processors.stage import Arrived, Output, Outputs, Rejected
from processors.state_codec import StateCodec
from schemas.codec import Event
from schemas.events.clock_tick import ClockTick
from schemas.events.node_stopped import NodeStopped
from schemas.topics import Topic

SOURCE = Topic("count-source", ("node_stopped", "clock_tick"), "node_id", "tests", "delete", 3_600_000)
OUT = Topic("count-out", ("node_stopped",), "node_id", "counting", "delete", 3_600_000)
STATES = Topic("count-states", (), "node_id", "counting", "compact", 0, stored=False)
PANE_RECORDS = 5


class Count(NamedTuple):
    """How many records a key had, their sum, and the open pane."""

    key: str
    records: int = 0
    total: int = 0
    ticks: int = 0
    pane: tuple[int, ...] = ()
    gone: bool = False


_CODEC = StateCodec(Count)


class CountingStage:
    """Adds up ``seq``. ``reason`` of a record: end (the key is over, if it is the third), reject, raise,
    large (what follows from it is too large to send)."""

    name = "counting"
    source = SOURCE
    states = STATES

    def key(self, event: Event) -> str | None:
        return None if isinstance(event, ClockTick) else str(getattr(event, "node_id", ""))

    def initial(self, key: str) -> Count:
        return Count(key)

    def step(self, state: Count, arrived: Arrived) -> tuple[Count, Outputs]:
        event = arrived.event
        if isinstance(event, ClockTick):
            state = state._replace(ticks=state.ticks + 1)
            return self._closed(state, event.occurred_at) if state.ticks % 3 == 0 else (state, ())
        if not isinstance(event, NodeStopped):
            return state, (Rejected("unexpected_event", type(event).__name__),)
        if event.reason == "reject":
            return state, (Rejected("implausible_time", "asked for"),)
        if event.reason == "raise":
            raise ArithmeticError("asked for")
        state = state._replace(
            records=state.records + 1,
            total=state.total + event.seq,
            pane=(*state.pane, event.seq),
            # Whether a key is over depends on its whole life, so half of one read again would show.
            gone=event.reason == "end" and state.records >= 2,
        )
        what = "record" if event.reason != "large" else "large" * 300_000
        said = (_said(state, event.occurred_at, what),)
        if len(state.pane) < PANE_RECORDS:
            return state, said
        state, pane = self._closed(state, event.occurred_at)
        return state, said + pane

    def forward(self, arrived: Arrived) -> Outputs:
        return ()

    def settled(self, state: Count) -> bool:
        return not state.pane

    def over(self, state: Count) -> bool:
        return state.gone

    def encode(self, state: Count) -> bytes:
        return _CODEC.encode(state)

    def decode(self, raw: bytes) -> Count:
        return _CODEC.decode(raw)

    def _closed(self, state: Count, at: int) -> tuple[Count, Outputs]:
        if not state.pane:
            return state, ()
        return state._replace(pane=()), (_said(state, at, "pane " + "+".join(map(str, state.pane))),)


def record(key: str, seq: int, reason: str = "", at: int = 0) -> NodeStopped:
    """Return an input."""
    return NodeStopped(key, "fleet", "boot", at, seq, reason)


def tick(seq: int, at: int = 0) -> ClockTick:
    """Return a tick."""
    return ClockTick(at, "clock", seq, 5.0)


def _said(state: Count, at: int, what: str) -> Output:
    event = NodeStopped(state.key, str(state.total), str(state.ticks), at, state.records, what)
    return Output(OUT, state.key, event)
