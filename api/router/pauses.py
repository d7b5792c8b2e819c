"""Nodes that get no new requests because somebody said so; of this router, until it ends."""

import time
from collections.abc import Callable, Sequence

from api.router.queue.core import Queue
from api.router.queue.ticket import Ticket
from api.router.seams import Chooser


class Pauses:
    """What is paused: ``nodes`` by name, and ``upstreams``, the ids of what runs on them now.

    Args:
        queue: counts no places of what is paused.
        chooser: knows which upstreams a node has.
        changed: told which tickets go because of it.
    """

    def __init__(self, queue: Queue, chooser: Chooser, changed: Callable[[Sequence[Ticket]], None]) -> None:
        self.nodes: set[str] = set()
        self.upstreams: frozenset[str] = frozenset()
        self._queue = queue
        self._chooser = chooser
        self._changed = changed

    def known(self) -> set[str]:
        """Return the nodes that have an upstream, and those that are paused."""
        return {upstream.node_id for upstream in self._chooser.upstreams()} | self.nodes

    def pause(self, node_id: str) -> None:
        """Send nothing more to a node; what it has may end."""
        self.nodes.add(node_id)
        self.refresh()

    def resume(self, node_id: str) -> None:
        """End a pause."""
        self.nodes.discard(node_id)
        self.refresh()

    def refresh(self) -> None:
        """Take in which upstreams there are; a paused node's new ones are paused too."""
        wanted = frozenset(
            upstream.id for upstream in self._chooser.upstreams() if upstream.node_id in self.nodes
        )
        before, self.upstreams = self.upstreams, wanted
        now_s = time.monotonic()
        for upstream in sorted(wanted - before):
            self._changed(self._queue.pause(upstream, now_s))
        for upstream in sorted(before - wanted):
            self._changed(self._queue.resume(upstream, now_s))

    def in_flight(self, node_id: str) -> int:
        """Return how many requests a node has."""
        ids = {upstream.id for upstream in self._chooser.upstreams() if upstream.node_id == node_id}
        return sum(self._queue.in_flight_on(id_) for id_ in ids)
