"""What was said live against what a replay says: the same events, or which is the first that differs.

Both come by log time: a replayed event at that of the record it follows from, a live one when it was written,
which is later by what the worker took. They are matched by their canonical bytes. What has no match after
``lag_us`` is a difference; of two without a match which are about the same thing, both are shown.
"""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from processors.replay.digest import Canonical
from processors.replay.facts import written_by
from processors.replay.merge import Order
from schemas.codec import Event

# How far a worker may have been behind: an hour's work is done in seconds, but a worker may have been away.
LAG_US = 15 * 60 * 1_000_000
# Fields that, with the kind, tell what an event is about; its values are the others.
_ABOUT = (
    "occurred_at", "node_id", "fleet", "observation_id", "alert_id", "pattern", "alert", "model",
    "started_at", "part", "revision", "stage", "partition", "passed_at", "boot_id", "seq",
)  # fmt: skip
# A difference in one event is a difference in many that follow: more than these are counted, not kept.
KEPT = 20


class Side(NamedTuple):
    """An event on one side. ``place``: live, where it stands; replayed, the record that it follows from."""

    place: Order
    event: Event


class Difference(NamedTuple):
    """An event that differs, or that one side does not have. ``at``: of log time, µs since the epoch."""

    at: int
    stage: str
    topic: str
    key: str
    name: str
    live: Side | None
    replayed: Side | None

    def fields(self) -> tuple[str, ...]:
        """Return the names of the fields that differ, where both sides have the event."""
        if self.live is None or self.replayed is None:
            return ()
        ours, theirs = self.replayed.event, self.live.event
        names: Collection[str] = getattr(ours, "_fields", ())
        return tuple(name for name in names if not same(getattr(ours, name), getattr(theirs, name, None)))


@dataclass(slots=True)
class Counts:
    """Events of one kind by what came of them."""

    equal: int = 0
    differ: int = 0
    only_live: int = 0
    only_replayed: int = 0

    def add(self, other: "Counts") -> None:
        """Add those of another share."""
        self.equal += other.equal
        self.differ += other.differ
        self.only_live += other.only_live
        self.only_replayed += other.only_replayed


@dataclass(slots=True)
class Verdict:
    """What comparing found. ``kinds``: by topic and event. ``differences``: the first ``KEPT``."""

    kinds: dict[tuple[str, str], Counts] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Return whether nothing differs."""
        return not self.differences

    def count(self, topic: str, name: str) -> Counts:
        """Return the counts of a kind, to add to."""
        return self.kinds.setdefault((topic, name), Counts())

    def add(self, other: "Verdict") -> None:
        """Add what another share found."""
        for (topic, name), counts in other.kinds.items():
            self.count(topic, name).add(counts)
        self.differences = sorted([*self.differences, *other.differences], key=_first)[:KEPT]


class _Waiting(NamedTuple):
    """An event without a match. ``due``: whether it must have one; those at the edges of a range need not."""

    hash: bytes
    at: int
    canonical: Canonical
    side: Side
    due: bool
    live: bool


class Comparison:
    """Takes both sides by log time, and forgets what is matched.

    Range ``begins <= at < ends``: of the live events those that were written in it, of the replayed ones
    those that follow from records in it, must have a match, on the other side of an edge if need be.
    ``compacted``: names of topics of which the live side has only the newest of each key.
    """

    def __init__(
        self, begins: int, ends: int, *, lag_us: int = LAG_US, compacted: Collection[str] = ()
    ) -> None:
        self._begins = begins
        self._ends = ends
        self._lag_us = lag_us
        self._compacted = frozenset(compacted)
        # By a number of their own, oldest first; and by hash, as equal events may come more than once.
        self._waiting: OrderedDict[int, _Waiting] = OrderedDict()
        self._same: dict[bytes, list[int]] = {}
        self._number = 0
        self._over: dict[tuple[Any, ...], list[_Waiting]] = {}
        self._verdict = Verdict()

    def live(self, event: Canonical, side: Side) -> None:
        """Take an event that was said live."""
        due = self._begins <= side.place.at < self._ends
        self._take(_Waiting(event.sha256(), side.place.at, event, side, due, live=True))

    def replayed(self, event: Canonical, side: Side) -> None:
        """Take an event that the replay says, those of the warm-up included."""
        due = side.place.at >= self._begins and event.topic not in self._compacted
        self._take(_Waiting(event.sha256(), side.place.at, event, side, due, live=False))

    def passed(self, at: int) -> None:
        """Let log time pass: what has waited for too long stays without a match."""
        while self._waiting:
            number, one = next(iter(self._waiting.items()))
            if one.at >= at - self._lag_us:
                return
            self._forget(number, one)
            self._unmatched(one)

    def verdict(self) -> Verdict:
        """Return what was found; both sides have been taken to their ends."""
        self.passed(1 << 62)
        for alone in self._over.values():
            for one in alone:
                self._alone(one)
        self._over = {}
        self._verdict.differences = sorted(self._verdict.differences, key=_first)[:KEPT]
        return self._verdict

    def _take(self, one: _Waiting) -> None:
        same_ = self._same.get(one.hash)
        other = self._waiting[same_[0]] if same_ else None
        if same_ and other is not None and other.live is not one.live:
            self._forget(same_[0], other)
            if one.due or other.due:
                self._verdict.count(one.canonical.topic, one.canonical.name).equal += 1
            return
        self._number += 1
        self._waiting[self._number] = one
        self._same.setdefault(one.hash, []).append(self._number)

    def _forget(self, number: int, one: _Waiting) -> None:
        del self._waiting[number]
        numbers = self._same[one.hash]
        numbers.remove(number)
        if not numbers:
            del self._same[one.hash]

    def _unmatched(self, one: _Waiting) -> None:
        """Keep it until its other side is known; tell at once when that has come too."""
        about = _about(one)
        others = self._over.setdefault(about, [])
        if others and others[0].live is not one.live:
            other = others.pop(0)
            self._differs(*((one, other) if one.live else (other, one)))
            if not others:
                del self._over[about]
            return
        others.append(one)
        if len(self._over) > 10 * KEPT:
            for oldest in self._over.pop(next(iter(self._over))):
                self._alone(oldest)

    def _alone(self, one: _Waiting) -> None:
        self._differs(one if one.live else None, None if one.live else one)

    def _differs(self, live: _Waiting | None, replayed: _Waiting | None) -> None:
        if not ((live and live.due) or (replayed and replayed.due)):
            return
        one = replayed or live
        assert one is not None
        counts = self._verdict.count(one.canonical.topic, one.canonical.name)
        counts.differ += bool(live and replayed)
        counts.only_live += replayed is None
        counts.only_replayed += live is None
        name = one.canonical.name
        stage = written_by(one.canonical.topic, name)
        difference = Difference(
            one.at,
            stage,
            one.canonical.topic,
            one.canonical.key,
            name,
            live.side if live else None,
            replayed.side if replayed else None,
        )
        self._verdict.differences.append(difference)
        if len(self._verdict.differences) > 4 * KEPT:
            self._verdict.differences = sorted(self._verdict.differences, key=_first)[:KEPT]


def same(ours: object, theirs: object) -> bool:
    """Return whether two values are the same; NaN is the same as NaN."""
    if isinstance(ours, tuple) and isinstance(theirs, tuple):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours == theirs or (ours != ours and theirs != theirs)


def _about(one: _Waiting) -> tuple[Any, ...]:
    event = one.side.event
    values = tuple(getattr(event, name, None) for name in _ABOUT)
    return one.canonical.topic, one.canonical.key, one.canonical.name, values


def _first(one: Difference) -> tuple[int, str, str, str]:
    return one.at, one.topic, one.key, one.name
