"""One reader of node states, any number of listeners: each gets what it wants, or learns it was too slow."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from schemas.events.node_state import NodeState

KEPT = 4096
"""States kept for listeners that come back, some seconds to some minutes of a fleet."""

WAITING = 512
"""States that may wait for one listener: more, and it is too slow."""


@dataclass(frozen=True, slots=True)
class Change:
    """A state, and the position of the reader behind it: the next offset to read, by partition."""

    state: NodeState
    partition: int
    offset: int
    position: Mapping[int, int]


def write_position(position: Mapping[int, int]) -> str:
    """Return a position as the id of an event: ``0:17-3:4``."""
    return "-".join(f"{partition}:{offset}" for partition, offset in sorted(position.items()))


def read_position(text: str) -> dict[int, int]:
    """Return the position that ``write_position`` wrote.

    Raises:
        ValueError: the text is none.
    """
    pairs = [part.split(":") for part in text.split("-")] if text else []
    return {int(partition): int(offset) for partition, offset in pairs}


@dataclass(eq=False, slots=True)
class Listener:
    """One client: what it wants, and what waits for it."""

    node_id: str = ""
    fleet: str = ""
    waiting: deque[Change] = field(default_factory=deque)
    is_dropped: bool = False
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wants(self, state: NodeState) -> bool:
        """Tell whether the filters let a state through."""
        return self.node_id in ("", state.node_id) and self.fleet in ("", state.fleet)

    def offer(self, change: Change) -> None:
        """Put a change in the queue; a full queue ends the listener."""
        if len(self.waiting) >= WAITING:
            self.waiting.clear()
            self.is_dropped = True
        if not self.is_dropped:
            self.waiting.append(change)
        self.woken.set()

    async def next(self, timeout_s: float) -> Change | None:
        """Return the next change; None where none came in time, or the listener was dropped."""
        if not self.waiting and not self.is_dropped:
            self.woken.clear()
            try:
                await asyncio.wait_for(self.woken.wait(), timeout_s)
            except TimeoutError:
                return None
        return self.waiting.popleft() if self.waiting else None


class Hub:
    """Gives every change to whoever wants it, and keeps the last ones."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._kept: deque[Change] = deque(maxlen=KEPT)
        self._latest: dict[str, Change] = {}
        self._position: dict[int, int] = {}
        self.is_closed = False

    def __len__(self) -> int:
        """Return how many listeners there are."""
        return len(self._listeners)

    @property
    def position(self) -> Mapping[int, int]:
        """The next offset to read, by partition."""
        return self._position

    def publish(self, state: NodeState, partition: int, offset: int) -> None:
        """Pass a state on."""
        self._position = {**self._position, partition: offset + 1}
        change = Change(state, partition, offset, self._position)
        self._kept.append(change)
        self._latest[state.node_id] = change
        for listener in self._listeners:
            if listener.wants(state):
                listener.offer(change)

    def forget(self, node_id: str, partition: int, offset: int) -> None:
        """Step over a deleted record."""
        self._position = {**self._position, partition: offset + 1}
        self._latest.pop(node_id, None)

    def join(self, listener: Listener) -> None:
        """Begin to pass changes to a listener."""
        self._listeners.add(listener)

    def leave(self, listener: Listener) -> None:
        """Stop passing changes to a listener."""
        self._listeners.discard(listener)

    def close(self) -> None:
        """Wake every listener for the last time."""
        self.is_closed = True
        for listener in self._listeners:
            listener.woken.set()

    def since(self, position: Mapping[int, int] | None) -> Iterator[Change]:
        """Yield what a listener at ``position`` has missed, in the order it was read.

        Every change where they are all still kept. Where they are not, or without a position, the latest
        state of each node that has changed since: what a compacted topic gives to a reader who comes late.
        """
        if position is None:
            yield from self._latest.values()
        elif self._kept_reaches(position):
            yield from (change for change in self._kept if _is_new(change, position))
        else:
            yield from (change for change in self._latest.values() if _is_new(change, position))

    def _kept_reaches(self, position: Mapping[int, int]) -> bool:
        """Tell whether nothing after ``position`` has been forgotten."""
        if len(self._kept) < KEPT:
            return True
        first = self._kept[0].position
        return all(position.get(partition, 0) >= offset - 1 for partition, offset in first.items())


def _is_new(change: Change, position: Mapping[int, int]) -> bool:
    return change.offset >= position.get(change.partition, 0)
