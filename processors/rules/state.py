"""What a rule stage remembers of one partition, and its bytes.

Subjects are in a persistent map: a node state changes one of thousands, and what is unchanged is shared.
Nothing depends on the order of the map; whatever goes over it sorts first.
"""

from typing import Any, NamedTuple

import immutables

from processors.rules.rules import Rules
from schemas.events.condition_changed import Label

SECOND_US = 1_000_000
# Lives in one partition. A state is one record, of which a broker takes 1 MiB: packed, that is 8,000 lives.
MOST_LIVES = 5_000


class Clock(NamedTuple):
    """Log time as watermarks tell it, µs. ``ran``: how long the log has run, outages left out."""

    passed_at: int = 0
    ran: int = 0
    interval: int = 0

    def log_time(self, otherwise: int) -> int:
        """Return the log time as of the last watermark: the same live and in a replay."""
        return self.passed_at or otherwise

    def after(self, passed_at: int, interval_s: float) -> "Clock":
        """Return the clock after a watermark. A longer gap is an outage of the log: it counts as one late."""
        interval = int(interval_s * SECOND_US) if interval_s == interval_s else self.interval
        gap = passed_at - self.passed_at if self.passed_at else 0
        return Clock(max(self.passed_at, passed_at), self.ran + min(max(0, gap), 2 * interval), interval)


class Window(NamedTuple):
    """How far requests have come, by their own time, µs. ``seen_at``: ``Clock.ran`` when ``newest`` came."""

    newest: int = 0
    seen_at: int = 0
    judged_until: int = 0


class State(NamedTuple):
    """The rules, what is known of each subject, the tags of nodes, and the clock.

    ``told_at``: ``clock.ran`` when a life last changed. ``window``: where the source is requests. ``living``:
    how many lives the subjects have. ``full``: something could not begin for want of room, and nothing has
    ended since.
    """

    rules: Rules
    subjects: "immutables.Map[str, Any]" = immutables.Map()
    tags: "immutables.Map[str, tuple[Label, ...]]" = immutables.Map()
    clock: Clock = Clock()
    told_at: int = 0
    window: Window = Window()
    living: int = 0
    full: bool = False

    @property
    def room(self) -> int:
        """How many lives may still begin."""
        return MOST_LIVES - self.living


def tags_of(state: State, node_id: str) -> tuple[Label, ...]:
    """Return the tags of a node, by name."""
    return state.tags.get(node_id, ())
