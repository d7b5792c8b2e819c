"""One reader of node states, observations and alerts, any number of listeners.

Each listener gets what it wants, or learns that it was too slow.
"""

import asyncio
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

from api.query.change import Change, Position, StreamTopic
from api.query.finding import Finding, is_over
from schemas.events.node_state import NodeState

KEPT = 4096
"""Changes kept of each topic for listeners that come back: of states, some seconds to minutes of a fleet."""

WAITING = 512
"""Changes that may wait for one listener: more, and it is too slow."""

_STATES: StreamTopic = "node-states"


@dataclass(frozen=True, slots=True)
class Reset:
    """Changes of a topic are lost to a listener: forget all of it; what stands now follows."""

    topic: StreamTopic


@dataclass(eq=False, slots=True)
class Listener:
    """One client: what it wants, and what waits for it."""

    node_id: str = ""
    fleet: str = ""
    topics: Collection[StreamTopic] = (_STATES,)
    waiting: deque[Change] = field(default_factory=deque)
    is_dropped: bool = False
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    # Where it stands: what the reader reads again after a restart is not for it. None: it has not begun.
    after: Position | None = None

    def wants(self, change: Change) -> bool:
        """Tell whether a change is of its topics and passes its filters."""
        return change.topic in self.topics and change.is_of(self.node_id, self.fleet)

    def offer(self, change: Change) -> None:
        """Put a change in the queue; a full queue ends the listener."""
        if self.after is None or not change.is_new(self.after):
            return
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


class _Feed:
    """One topic: its last changes, and the latest of each thing that still is."""

    def __init__(self) -> None:
        self.kept: deque[Change] = deque(maxlen=KEPT)
        self.latest: dict[str, Change] = {}

    def take(self, change: Change) -> None:
        self.kept.append(change)
        if isinstance(change.event, NodeState) or not is_over(change.event):
            self.latest[change.key] = change
        else:
            self.latest.pop(change.key, None)

    def reaches(self, position: Position) -> bool:
        """Tell whether every change after ``position`` is kept."""
        if len(self.kept) < KEPT:
            return True
        first = self.kept[0]
        begins = {**first.position, (first.topic, first.partition): first.offset}
        return all(position.get(at, 0) >= begin for at, begin in begins.items() if at[0] == first.topic)


class Hub:
    """Gives every change to whoever wants it, and keeps the last ones."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._feeds: dict[StreamTopic, _Feed] = {}
        self._position: Position = {}
        self._changes = 0
        self._known = asyncio.Event()
        self.is_closed = False

    def __len__(self) -> int:
        """Return how many listeners there are."""
        return len(self._listeners)

    def position(self, topics: Collection[StreamTopic]) -> Position:
        """Return the next offset to read of these topics, by place."""
        return {at: offset for at, offset in self._position.items() if at[0] in topics}

    def publish(self, topic: StreamTopic, event: NodeState | Finding, partition: int, offset: int) -> None:
        """Pass an event on."""
        self._position = {**self._position, (topic, partition): offset + 1}
        self._changes += 1
        change = Change(event, topic, partition, offset, self._position, self._changes)
        self._feeds.setdefault(topic, _Feed()).take(change)
        for listener in self._listeners:
            if listener.wants(change):
                listener.offer(change)

    def forget(self, node_id: str, partition: int, offset: int) -> None:
        """Step over a deleted record of a node's states."""
        self._position = {**self._position, (_STATES, partition): offset + 1}
        if feed := self._feeds.get(_STATES):
            feed.latest.pop(node_id, None)

    def join(self, listener: Listener) -> None:
        """Count a listener in; changes come once it has begun."""
        self._listeners.add(listener)

    def begin(self, listener: Listener, position: Position | None) -> list[Change | Reset]:
        """Begin to pass changes on; return what the listener at ``position`` has missed, as it was read."""
        here = self.position(listener.topics)
        # While the reader is on its way through the log, a client may be ahead of it.
        listener.after = here if self._known.is_set() else {**here, **(position or {})}
        return [
            missed
            for missed in self.since(position, listener.topics)
            if isinstance(missed, Reset) or listener.wants(missed)
        ]

    def leave(self, listener: Listener) -> None:
        """Stop passing changes to a listener."""
        self._listeners.discard(listener)

    def close(self) -> None:
        """Wake every listener for the last time."""
        self.is_closed = True
        self._known.set()
        for listener in self._listeners:
            listener.woken.set()

    def now_known(self) -> None:
        """Say that what was in the topics at the start has been read."""
        self._known.set()
        # Who claims to be further than the log is speaks of another log.
        for listener in self._listeners:
            if listener.after is not None:
                listener.after = self.position(listener.topics)

    def is_known(self, topics: Collection[StreamTopic]) -> bool:
        """Tell whether the latest of each thing of these topics is known. Of states, any will do."""
        return self._known.is_set() or set(topics) <= {_STATES}

    async def known_within(self, timeout_s: float) -> bool:
        """Wait until ``now_known``; tell whether that came in time."""
        try:
            await asyncio.wait_for(self._known.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    def since(
        self, position: Position | None, topics: Collection[StreamTopic] = (_STATES,)
    ) -> list[Change | Reset]:
        """Return what a listener at ``position`` has missed of some topics, in the order it was read.

        Every change where they are all still kept. Where they are not, or the position says nothing of a
        topic, the latest of each thing that is still there: for states, of the nodes that have changed since,
        what a compacted topic gives to a reader who comes late; for the others all, behind a ``Reset``.
        """
        resets: list[Change | Reset] = []
        changes: list[Change] = []
        for topic, feed in self._feeds.items():
            if topic not in topics:
                continue
            at = {place: offset for place, offset in (position or {}).items() if place[0] == topic}
            if not at:
                changes += feed.latest.values()
            elif feed.reaches(at) and (topic == _STATES or self._is_behind(at)):
                changes += (change for change in feed.kept if change.is_new(at))
            elif topic == _STATES:
                changes += (change for change in feed.latest.values() if change.is_new(at))
            else:
                resets.append(Reset(topic))
                changes += feed.latest.values()
        return resets + sorted(changes, key=lambda change: change.order)

    def _is_behind(self, position: Position) -> bool:
        """Tell whether a position can be one of this log: the reader has been there."""
        return all(self._position.get(at, 0) >= offset for at, offset in position.items())
