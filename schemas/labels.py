"""Labels: what must be noticed, and what may be. Of scenarios, of recorded incidents, of backtests."""

from dataclasses import dataclass
from typing import Literal

from schemas.events.observation import Severity

Kind = Literal["pattern", "alert"]


@dataclass(frozen=True, slots=True)
class Window:
    """From one moment to another, both included: seconds from the start of what is labelled."""

    begin_s: float
    end_s: float

    def holds(self, at_s: float) -> bool:
        """Return whether a moment lies within."""
        return self.begin_s <= at_s <= self.end_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """A label: this must open, and resolve, when it says. ``resolves`` None: it is open at the end.

    ``node`` is empty for an alert about the fleet; ``members`` are the nodes of a correlated incident.
    ``severity`` is the highest it reaches; None: any. ``line`` of the file, for messages. ``noticed_s``: when
    people noticed it themselves, or it did harm; None: not known, and taken for the end of ``opens``.
    ``any_end``: it does not matter when it resolves.
    """

    kind: Kind
    id: str
    node: str = ""
    opens: Window
    resolves: Window | None
    severity: Severity | None = None
    members: tuple[str, ...] = ()
    line: int = 0
    noticed_s: float | None = None
    any_end: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A consequence: this may open and need not. Empty ``nodes``: on any node, and on none."""

    kind: Kind
    id: str
    nodes: tuple[str, ...] = ()
    between: Window
