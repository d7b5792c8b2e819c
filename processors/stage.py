"""What a stage is, and the one way to run it: live, in replay, in a backtest and in the tests.

A stage is a pure fold. It reads no clock, does no I/O, and what it returns depends on nothing but the state
and the record it is given. Time moves by records: samples of a key, and ticks, which concern every key.
"""

from collections.abc import MutableMapping
from typing import Generic, NamedTuple, Protocol, TypeVar

from schemas.codec import Event
from schemas.topics import Topic


class Arrived(NamedTuple):
    """An event as a partition holds it. ``arrived_at`` is the broker's time, µs since the epoch."""

    event: Event
    arrived_at: int
    partition: int = 0


class Output(NamedTuple):
    """What a stage says: an event for a topic, under a key.

    Where the topic has the key of the stage's source it stays in the partition of its cause, and so does an
    event without a key; elsewhere the key decides.
    """

    topic: Topic
    key: str | None
    event: Event


class Rejected(NamedTuple):
    """The record could be read and cannot be used: a dead letter. ``reason`` is one of dead_letter's."""

    reason: str
    detail: str


Outputs = tuple[Output | Rejected, ...]
State = TypeVar("State")


class Stage(Protocol, Generic[State]):
    """A pure transition with its key, its first state and the codec of its states."""

    @property
    def name(self) -> str:
        """Name of the stage, which names its consumer group, its transactions and its states' topic."""
        ...

    @property
    def source(self) -> Topic:
        """The topic it reads."""
        ...

    @property
    def states(self) -> Topic:
        """The compacted topic that keeps its states."""
        ...

    def key(self, event: Event) -> str | tuple[str, ...] | None:
        """Return whose state, or whose states, the event concerns; None: every key's, as a tick does."""
        ...

    def initial(self, key: str) -> State:
        """Return the state of a key that has not been seen."""
        ...

    def step(self, state: State, arrived: Arrived) -> tuple[State, Outputs]:
        """Return the state after one record, and what follows from it."""
        ...

    def forward(self, arrived: Arrived) -> Outputs:
        """Return what follows from a record that concerns every key, once, after all keys have seen it."""
        ...

    def settled(self, state: State) -> bool:
        """Return whether now is a good time to store the state: small, as after a pane was closed.

        A state that is not stored is found again after a crash by folding the source from where the stored
        one stands, so this decides about cost and never about results.
        """
        ...

    def over(self, state: State) -> bool:
        """Return whether the key can be forgotten."""
        ...

    def encode(self, state: State) -> bytes:
        """Return the state as bytes; equal states are equal bytes."""
        ...

    def decode(self, raw: bytes) -> State:
        """Return the state of ``encode``.

        Raises:
            DecodeError: the bytes are of another version of the stage.
        """
        ...


def advance(states: MutableMapping[str, State], stage: Stage[State], arrived: Arrived) -> Outputs:
    """Apply one record to the states it concerns and return what follows, in the order of the keys.

    ``states`` changes in place: the stage's memory of one partition. A key whose state is over is taken out.
    """
    concerned = stage.key(arrived.event)
    if isinstance(concerned, str):
        return advance_key(states, stage, concerned, arrived)
    outputs: list[Output | Rejected] = []
    for key in sorted(states if concerned is None else set(concerned)):
        outputs.extend(advance_key(states, stage, key, arrived))
    if concerned is None:
        outputs.extend(stage.forward(arrived))
    return tuple(outputs)


def advance_key(
    states: MutableMapping[str, State], stage: Stage[State], key: str, arrived: Arrived
) -> Outputs:
    """Apply one record to one of the states it concerns; ``advance`` does it for all of them."""
    before = states.get(key)
    if before is None:
        before = stage.initial(key)
    state, outputs = stage.step(before, arrived)
    if stage.over(state):
        states.pop(key, None)
    elif state is not before:
        states[key] = state
    return outputs
