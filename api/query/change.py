"""What a stream passes on, and the positions by which a client goes on where it was."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from api.query.finding import Finding, concerns, id_of
from schemas.events.node_state import NodeState

StreamTopic = Literal["node-states", "observations", "alerts"]
Place = tuple[StreamTopic, int]
"""A topic and a partition."""

Position = Mapping[Place, int]
"""The next offset to read, by place."""

# What stands before the partition in the id of an event.
_LETTERS: Mapping[StreamTopic, str] = {"node-states": "", "observations": "o", "alerts": "a"}
_TOPICS = {letter: topic for topic, letter in _LETTERS.items()}
_PAIR = re.compile(r"([oa]?)(\d{1,9}):(\d{1,18})", re.ASCII)

TOPICS: tuple[StreamTopic, ...] = tuple(_LETTERS)


@dataclass(frozen=True, slots=True)
class Change:
    """An event, where it was, and the position of the reader behind it.

    ``order`` counts up over all topics.
    """

    event: NodeState | Finding
    topic: StreamTopic
    partition: int
    offset: int
    position: Position
    order: int

    @property
    def key(self) -> str:
        """What the event is the latest of: a node, or an observation or alert."""
        return self.event.node_id if isinstance(self.event, NodeState) else id_of(self.event)

    def is_new(self, position: Position) -> bool:
        """Tell whether a client at ``position`` has not had it."""
        return self.offset >= position.get((self.topic, self.partition), 0)

    def is_of(self, node_id: str, fleet: str) -> bool:
        """Tell whether it concerns this node and this fleet; empty: any."""
        if fleet not in ("", self.event.fleet):
            return False
        if isinstance(self.event, NodeState):
            return node_id in ("", self.event.node_id)
        return not node_id or concerns(self.event, node_id)


def write_position(position: Position) -> str:
    """Return a position as the id of an event: ``0:17-3:4`` of node states, ``a0:3-o2:9`` of others."""
    named = ((_LETTERS[topic], partition, offset) for (topic, partition), offset in position.items())
    return "-".join(f"{letter}{partition}:{offset}" for letter, partition, offset in sorted(named))


def read_position(text: str) -> dict[Place, int]:
    """Return the position that ``write_position`` wrote.

    Raises:
        ValueError: the text is none.
    """
    found = {}
    for part in text.split("-") if text else ():
        pair = _PAIR.fullmatch(part)
        if pair is None:
            raise ValueError(f"{part!r} is no position")
        found[_TOPICS[pair[1]], int(pair[2])] = int(pair[3])
    return found
