"""The tickets of one key for one model at one priority, first come first served; and whose line is next."""

from collections import OrderedDict
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from api.router.queue.capacity import Capacity
from api.router.queue.ticket import NOTHING, Ticket

if TYPE_CHECKING:
    from api.router.queue.account import Account
    from api.router.queue.band import Band, Share
    from api.router.queue.model import Model

_SPARE = 32
_Entry = tuple[float, int, int, "Line"]


class Line:
    """Tickets in the order they came. ``version`` tells its newest entry in the heap from older ones."""

    __slots__ = ("account", "band", "heads", "model", "parked", "share", "tickets", "version")

    def __init__(
        self, account: "Account", model: "Model", band: "Band", share: "Share", heads: "Heads"
    ) -> None:
        self.account = account
        self.model = model
        self.band = band
        self.share = share
        self.heads = heads
        # Ordered by a linked list, so that a ticket in its middle leaves as cheaply as its first.
        self.tickets: OrderedDict[str, Ticket] = OrderedDict()
        self.version = 0
        self.parked = False

    @property
    def first(self) -> Ticket:
        """The one that came first; there is one."""
        return next(iter(self.tickets.values()))


class Heads:
    """The lines for one model at one priority: the least served first, and among equals the oldest.

    A line whose rank changes is entered anew, and its older entry is skipped when it comes up. Entries are
    never more than twice as many as lines, and a few.
    """

    __slots__ = ("_heap", "capacity", "lines")

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = capacity
        self._heap: list[_Entry] = []
        self.lines = 0

    def __len__(self) -> int:
        return len(self._heap)

    def enter(self, line: Line) -> None:
        """Rank a line that is new, or whose first ticket or share has changed."""
        line.version += 1
        heap = self._heap
        share = line.share
        heappush(heap, (share.used + share.expected, line.first.seq, line.version, line))
        if len(heap) > 2 * self.lines + _SPARE:
            self._heap = [entry for entry in self._heap if entry[2] == entry[3].version]
            heapify(self._heap)

    def top(self, now: float) -> _Entry | None:
        """Return (tag, order of coming, version, line) of the next line whose key may go on; park others."""
        heap = self._heap
        while heap:
            entry = heap[0]
            line = entry[3]
            if entry[2] == line.version:
                account = line.account
                if not account.limited or (reason := account.blocked(now)) is NOTHING:
                    return entry
                line.first.reason = reason
                line.version += 1
                account.park(line, now)
            heappop(heap)
        return None
