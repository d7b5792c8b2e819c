"""What a node is, and that it stops: said in two topics.

Readers of the fleet take it from the compacted ``nodes``. The stages fold ``telemetry`` alone, whose order
with the samples is fixed, so they find it there; and it is said again there every ``REPEAT_S``, because
telemetry is kept for a week and a replay begins anywhere in it.
"""

from typing import Protocol

from schemas.codec import Event
from schemas.events.node_registered import NodeRegistered
from schemas.events.node_stopped import NodeStopped
from schemas.topics import NODES, TELEMETRY, Topic

REPEAT_S = 3600.0


class Outlet(Protocol):
    """Takes events without waiting."""

    def emit(self, topic: Topic, key: str, event: Event) -> None:
        """Take one event."""
        ...


def announce(outlet: Outlet, event: NodeRegistered | NodeStopped) -> None:
    """Say it to the fleet and to the stages."""
    outlet.emit(NODES, event.node_id, event)
    outlet.emit(TELEMETRY, event.node_id, event)
