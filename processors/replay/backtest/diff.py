"""How what two sets of rules told differs: gained, lost, begun or told at another time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from processors.replay.backtest.fired import Fired


@dataclass(frozen=True, slots=True)
class Pair:
    """The same trouble, as each side told it."""

    old: Fired
    new: Fired

    @property
    def onset_s(self) -> float:
        """How much later the new one began, seconds; less than 0: earlier."""
        return (self.new.onset_at - self.old.onset_at) / 1e6

    @property
    def opened_s(self) -> float:
        """How much later the new one was told, seconds."""
        return (self.new.told_at - self.old.told_at) / 1e6

    @property
    def moved(self) -> bool:
        """Whether it began, or was told, at another time."""
        return self.old.onset_at != self.new.onset_at or self.old.told_at != self.new.told_at


@dataclass(frozen=True, slots=True)
class Diff:
    """``moved``: pairs that began, or were told, at different times; ``same``: pairs that were not."""

    gained: tuple[Fired, ...]
    lost: tuple[Fired, ...]
    moved: tuple[Pair, ...]
    same: tuple[Pair, ...]

    @property
    def ended_otherwise(self) -> Sequence[Pair]:
        """Return pairs that began at the same time and did not end so."""
        return [pair for pair in self.same if pair.old.ended_at != pair.new.ended_at]


def compare(old: Sequence[Fired], new: Sequence[Fired], until: int) -> Diff:
    """Pair what is of one pattern, node and fleet and was open at the same time; each is in one pair.

    Of several that were open together the ones with the same identity are paired, else the earliest. What is
    open at the end is open ``until`` then.
    """
    left: dict[tuple[str, ...], list[Fired]] = defaultdict(list)
    for one in old:
        left[_subject(one)].append(one)
    ids = {one.told_id for one in new}
    pairs: list[Pair] = []
    gained: list[Fired] = []
    for one in new:
        there = [each for each in left[_subject(one)] if _together(each, one, until)]
        mine = [each for each in there if each.told_id == one.told_id]
        free = mine or [each for each in there if each.told_id not in ids]
        if free:
            pairs.append(Pair(free[0], one))
            left[_subject(one)].remove(free[0])
        else:
            gained.append(one)
    lost = sorted((one for each in left.values() for one in each), key=lambda one: (one.told_at, one.told_id))
    moved = tuple(pair for pair in pairs if pair.moved)
    return Diff(tuple(gained), tuple(lost), moved, tuple(pair for pair in pairs if not pair.moved))


def _subject(one: Fired) -> tuple[str, ...]:
    return one.kind, one.id, one.fleet, one.node


def _together(one: Fired, other: Fired, until: int) -> bool:
    return one.onset_at <= _end(other, until) and other.onset_at <= _end(one, until)


def _end(one: Fired, until: int) -> int:
    return until if one.ended_at is None else one.ended_at
