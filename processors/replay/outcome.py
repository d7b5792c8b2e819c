"""What comes of a replay, or of a share of it: digest, counts, the verdict, and what went wrong."""

from collections import Counter
from dataclasses import dataclass, field

from processors.replay.compare import Verdict
from processors.replay.digest import Digest
from processors.replay.source import Gap
from schemas.codec import Event

KEPT = 20


@dataclass(slots=True)
class Late:
    """What later facts would have added: counts by topic and event, and the first of them.

    A stage folds in the order of arrival, so facts that come later only add to what was said before.
    """

    facts: int = 0
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    first: list[tuple[int, str, Event]] = field(default_factory=list)

    def add(self, other: "Late") -> None:
        """Add those of another share."""
        self.facts += other.facts
        self.counts.update(other.counts)
        self.first = sorted([*self.first, *other.first], key=lambda one: one[:2])[:KEPT]


@dataclass(slots=True)
class Outcome:
    """``counts`` of what was said in the range, by topic and event. ``read``: records of all kinds."""

    digest: Digest = field(default_factory=Digest)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    verdict: Verdict = field(default_factory=Verdict)
    late: Late = field(default_factory=Late)
    read: int = 0
    facts: int = 0
    unreadable: int = 0
    refused: list[str] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def add(self, other: "Outcome") -> None:
        """Add what came of another share."""
        self.digest.merge(other.digest)
        self.counts.update(other.counts)
        self.verdict.add(other.verdict)
        self.late.add(other.late)
        self.read += other.read
        self.facts += other.facts
        self.unreadable += other.unreadable
        self.refused = [*self.refused, *other.refused][:KEPT]
        self.gaps = sorted({*self.gaps, *other.gaps})
