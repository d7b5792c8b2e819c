"""What a backtest asks, and what comes of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from processors.labels.counts import Counts
from processors.labels.match import Verdict
from processors.patterns.rules import Rules
from processors.replay.backtest.asked import Asked
from processors.replay.backtest.diff import Diff
from processors.replay.backtest.fired import Fired
from processors.replay.backtest.labels import Marked, leads_s
from processors.replay.backtest.totals import Totals


@dataclass(frozen=True, slots=True)
class Ruled:
    """Rules with the name of where they come from."""

    name: str
    rules: Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """``new`` rules over a range of log time, µs since the epoch, against ``old`` ones where there are.

    ``nodes``, ``fleets``: only these; empty: all.
    """

    new: Ruled
    old: Ruled | None = None
    asked: Asked
    since: int
    until: int
    nodes: tuple[str, ...] = ()
    fleets: tuple[str, ...] = ()
    labels: Marked | None = None

    @property
    def sides(self) -> tuple[Ruled, ...]:
        """The old rules, where there are, and the new ones, last."""
        return (self.new,) if self.old is None else (self.old, self.new)


@dataclass(frozen=True, slots=True)
class Side:
    """What came of one set of rules. ``verdict`` with labels alone."""

    name: str
    digest: str
    fired: tuple[Fired, ...]
    totals: tuple[Totals, ...]
    verdict: Verdict | None = None

    @property
    def counts(self) -> Counts | None:
        """Hits, false alarms and misses, in all."""
        found = self.verdict
        if found is None:
            return None
        return Counts(found.hits.total(), found.alarms.total(), found.misses.total())

    @property
    def lead_s(self) -> float:
        """Median time from when it was told to when it was noticed or at the latest due, s; NaN without."""
        leads = [] if self.verdict is None else leads_s(self.verdict)
        return median(leads) if leads else math.nan


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was recorded of what is judged, against the old rules, or the only ones: counts of each."""

    same: int
    only_recorded: int
    only_judged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``sides`` are the old rules, where there are, and the new ones, last. ``read_from``: warm-up included.

    ``recorded``: None where nothing was recorded. ``unreadable``: records that are no event.
    """

    question: Question
    source: str
    sides: tuple[Side, ...]
    diff: Diff | None
    recorded: Agreement | None
    read_from: int
    nodes: int
    panes: int
    unreadable: int
    notes: Sequence[str] = ()

    @property
    def new(self) -> Side:
        """The new rules."""
        return self.sides[-1]

    @property
    def old(self) -> Side | None:
        """The rules they are held against."""
        return self.sides[0] if len(self.sides) > 1 else None
