"""Whose patience ends next."""

import math
from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from api.router.queue.ticket import State, Ticket

_SPARE = 64


class Deadlines:
    """The tickets that do not wait for ever; those that went or left are skipped when they come up."""

    __slots__ = ("_heap",)

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Ticket]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, ticket: Ticket, waiting: int) -> None:
        """Watch a ticket. Entries are never more than twice as many as wait, ``waiting``, and a few."""
        if math.isinf(ticket.deadline):
            return
        heappush(self._heap, (ticket.deadline, ticket.seq, ticket))
        if len(self._heap) > 2 * waiting + _SPARE:
            self._heap = [entry for entry in self._heap if entry[2].state is State.WAITING]
            heapify(self._heap)

    def next(self) -> float:
        """Return when the next one ends; infinite where none does."""
        heap = self._heap
        while heap and heap[0][2].state is not State.WAITING:
            heappop(heap)
        return heap[0][0] if heap else math.inf

    def due(self, now: float) -> Iterator[Ticket]:
        """Yield those whose patience has ended, the earliest first. They must be taken out of the queue."""
        while self.next() <= now:
            yield heappop(self._heap)[2]
