"""How the requests at a node ended, over a window: added up from the parts that routers wrote, in order."""

from math import fsum
from operator import itemgetter
from typing import NamedTuple

from processors.windows.requests import RequestSlot
from processors.windows.window import Window


class Ended(NamedTuple):
    """Requests at the node. ``moved``: sent elsewhere after an attempt here."""

    completed: float
    failed: float
    abandoned: float
    moved: float
    unanswered: float

    @property
    def ended(self) -> float:
        """Return requests and attempts that came to an end here."""
        return self.completed + self.failed + self.abandoned + self.moved


def ended(window: Window) -> Ended:
    """Add up a window. ``unanswered`` is how many ended without a first token here, at least."""
    parts = window.requests
    if not parts:
        return Ended(0.0, 0.0, 0.0, 0.0, 0.0)
    completed, failed, abandoned, answered = (
        fsum(map(itemgetter(RequestSlot._fields.index(name)), parts))
        for name in ("completed", "failed", "abandoned", "first_tokens")
    )
    moved = max(0.0, _moved(parts))
    unanswered = max(0.0, failed + abandoned + moved + completed - answered)
    return Ended(completed, failed, abandoned, moved, min(unanswered, failed + abandoned + moved))


def _moved(parts: list[RequestSlot]) -> float:
    """Return attempts that ended here with neither an outcome nor an open request to show for them.

    What came in the first pane may have been sent before; it is the ground that the others stand on.
    """
    first, last = parts[0].started_at, parts[-1].started_at
    open_first = fsum(part.open for part in parts if part.started_at == first)
    open_last = fsum(part.open for part in parts if part.started_at == last)
    later = [part for part in parts if part.started_at > first]
    return fsum(part.routed - part.finished for part in later) - (open_last - open_first)
