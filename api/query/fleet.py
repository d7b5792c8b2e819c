"""What the API knows of every node now: its latest state and registration, read from the compacted topics."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from schemas.events.node_registered import NodeRegistered
from schemas.events.node_state import NodeState
from schemas.events.node_stopped import NodeStopped

SILENT_INTERVALS = 3.0
SILENT_AT_LEAST_S = 15.0


@dataclass(frozen=True, slots=True)
class Node:
    """One node. ``seen_at`` is the broker's time of its last state, µs since the epoch; 0: never."""

    node_id: str
    state: NodeState | None = None
    registered: NodeRegistered | None = None
    stopped: NodeStopped | None = None
    seen_at: int = 0

    @property
    def fleet(self) -> str:
        """The fleet it says it belongs to."""
        known = self.state or self.registered or self.stopped
        return known.fleet if known else ""

    def silent_after_s(self) -> float:
        """Return how many seconds of silence make it count as down."""
        interval_s = self.registered.interval_s if self.registered else math.nan
        return max(SILENT_AT_LEAST_S, SILENT_INTERVALS * interval_s if interval_s > 0 else 0.0)

    def silent_s(self, now: int) -> float:
        """Return the seconds since the broker took its last state; infinite where it never did."""
        return max(0.0, (now - self.seen_at) / 1e6) if self.seen_at else math.inf

    def is_up(self, now: int) -> bool:
        """Tell whether its readings are of now (``now``: µs since the epoch)."""
        return self.silent_s(now) <= self.silent_after_s() and not self.has_stopped

    @property
    def has_stopped(self) -> bool:
        """Tell whether its agent said goodbye, and has not come back since."""
        if self.stopped is None:
            return False
        newer = (event for event in (self.state, self.registered) if event is not None)
        return all(event.occurred_at <= self.stopped.occurred_at for event in newer)


class FleetView:
    """The nodes by id; records may come again and in any order between topics."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}

    def __len__(self) -> int:
        """Return how many nodes are known."""
        return len(self._nodes)

    def get(self, node_id: str) -> Node | None:
        """Return a node."""
        return self._nodes.get(node_id)

    def nodes(self, fleet: str = "") -> Iterator[Node]:
        """Yield the nodes of a fleet, or all, in the order of their ids."""
        return (node for _, node in sorted(self._nodes.items()) if fleet in ("", node.fleet))

    def fleets(self) -> Mapping[str, int]:
        """Return how many nodes each fleet has."""
        counts: dict[str, int] = {}
        for node in self._nodes.values():
            counts[node.fleet] = counts.get(node.fleet, 0) + 1
        return counts

    def apply(self, event: object, arrived_at: int) -> None:
        """Take a record in; ``arrived_at`` is the broker's time, µs since the epoch."""
        if isinstance(event, NodeState):
            node = self._node(event.node_id)
            self._nodes[event.node_id] = replace(node, state=event, seen_at=max(node.seen_at, arrived_at))
        elif isinstance(event, NodeRegistered):
            self._nodes[event.node_id] = replace(self._node(event.node_id), registered=event)
        elif isinstance(event, NodeStopped):
            self._nodes[event.node_id] = replace(self._node(event.node_id), stopped=event)

    def forget(self, node_id: str) -> None:
        """Drop a node whose record was deleted from the topic."""
        self._nodes.pop(node_id, None)

    def _node(self, node_id: str) -> Node:
        return self._nodes.get(node_id) or Node(node_id)
