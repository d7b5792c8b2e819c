"""What stands: the open observations, or alerts, as their topic tells them; and those that ended just now."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

from api.query.finding import Finding, Kind, concerns, id_of, is_over

EVENTS = 32
"""Latest events kept of one that is open; the rest is in ClickHouse."""

ENDED = 1000
"""Kept after they ended: until the sink has long written them, and for whoever acts on one just then."""


class Standing:
    """The findings of one kind by id. Events may come again: those not newer than the latest are ignored."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._open: dict[str, list[Finding]] = {}
        self._ended: OrderedDict[str, Finding] = OrderedDict()
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    def apply(self, event: Finding) -> None:
        """Take an event in."""
        known = self.get(id_of(event))
        if known is not None and (event.revision <= known.revision or is_over(known)):
            return
        if is_over(event):
            self._end(event)
        else:
            events = self._open.setdefault(id_of(event), [])
            events.append(event)
            del events[:-EVENTS]
        for woken in self._waiting.get(id_of(event), ()):
            woken.set()

    def get(self, finding_id: str) -> Finding | None:
        """Return the latest event of one that is open or ended just now."""
        events = self._open.get(finding_id)
        return events[-1] if events else self._ended.get(finding_id)

    def history(self, finding_id: str) -> Sequence[Finding]:
        """Return the events of one that are at hand, oldest first."""
        ended = self._ended.get(finding_id)
        return (ended,) if ended else tuple(self._open.get(finding_id, ()))

    def open(self) -> Iterator[Finding]:
        """Yield the latest event of each that is open."""
        return (events[-1] for events in self._open.values())

    def all(self) -> Iterator[Finding]:
        """Yield the latest event of each that is open or ended just now."""
        yield from self.open()
        yield from self._ended.values()

    def of_node(self, node_id: str) -> list[Finding]:
        """Return the open ones that are about a node, the oldest first."""
        found = (finding for finding in self.open() if concerns(finding, node_id))
        return sorted(found, key=lambda finding: (finding.onset_at, id_of(finding)))

    async def until(
        self, finding_id: str, holds: Callable[[Finding], bool], timeout_s: float
    ) -> Finding | None:
        """Return the latest event of one as soon as ``holds`` is true of it; None after the timeout."""
        woken = asyncio.Event()
        self._waiting.setdefault(finding_id, set()).add(woken)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    latest = self.get(finding_id)
                    if latest is not None and holds(latest):
                        return latest
                    woken.clear()
                    await woken.wait()
        except TimeoutError:
            return None
        finally:
            self._waiting[finding_id].discard(woken)
            if not self._waiting[finding_id]:
                del self._waiting[finding_id]

    def _end(self, event: Finding) -> None:
        self._open.pop(id_of(event), None)
        self._ended[id_of(event)] = event
        if len(self._ended) > ENDED:
            self._ended.popitem(last=False)
