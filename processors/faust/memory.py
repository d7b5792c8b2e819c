"""What a worker remembers of one partition, and how that is found again. Pure: no Kafka, no clock.

A state with an open pane of eight accelerators is ten kilobytes, so writing every changed state in every
transaction would cost more than the telemetry itself. A transaction stores the states that the stage calls
settled and says, in a marker, where to begin reading the source again to find the rest::

    source      ... 100 101 102 103 104 105 106 107 108 ...
    key a          S───────────────────────────────      its copy stands at 100: 101 to 107 are missing
    key b                          S───────────────      stands at 104
    marker         begin = 101                done = 107

After a crash the records from ``begin`` to ``done`` are folded once more, each key from where its stored copy
stands, and their outputs are dropped: they were written. A stage is a pure fold, so this ends in the same
states. A key that is over leaves a grave, a stored copy without a state, for as long as such a second reading
could reach a record of its life.

Every key is stored at least once in each hour of log time, if only because it was not touched; the first
copy of an hour is a snapshot too, which replays begin from.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from processors.faust.hour import NO_HOUR, Hour, Snapshot
from processors.stage import Arrived, Output, Outputs, Rejected, Stage, advance_key

State = TypeVar("State")

# A state is stored at the latest when so many records came after the first that its stored copy misses:
# the bound of what is read again after a crash, a few seconds of work.
BEHIND_RECORDS = 20_000
NEVER = -1


class Stored(NamedTuple):
    """A copy of a key's state as the changelog has it: ``raw`` is None for a grave, as of ``offset``."""

    offset: int
    raw: bytes | None


class Checkpoint(NamedTuple):
    """What one transaction keeps of the memory. A value of None: nothing need be known of the key."""

    copies: tuple[tuple[str, Stored | None], ...]
    begin: int
    done: int
    snapshots: tuple[Snapshot, ...] = ()


@dataclass(slots=True)
class Memory(Generic[State]):
    """The states of one partition of a stage, and how far the stored copies are behind.

    ``done`` is the last source offset folded. Offsets only grow, so the mappings from key to offset are in
    the order of their offsets, oldest first.
    """

    stage: Stage[State]
    done: int = NEVER
    states: dict[str, State] = field(default_factory=dict)
    stands_at: dict[str, int] = field(default_factory=dict)
    unstored_since: dict[str, int] = field(default_factory=dict)
    graves: dict[str, int] = field(default_factory=dict)
    hour: Hour = NO_HOUR
    _touched: dict[str, None] = field(default_factory=dict)
    _passed_at: int = 0
    _gone_through: int = -1

    @property
    def begin(self) -> int:
        """The first source offset that a stored copy may miss."""
        return next(iter(self.unstored_since.values()), self.done + 1)

    def fold(self, offset: int, arrived: Arrived) -> Outputs:
        """Apply one record and return what follows from it, keys whose copy stands later left alone.

        The one way in, live and after a crash. An error of the stage is a bug that must not stop the
        partition: the key's state stays, and the record is Rejected. At most one Rejected is returned.
        """
        if arrived.arrived_at > self._passed_at:
            self._passed_at = arrived.arrived_at
            self.hour = self.hour.after(offset, arrived.arrived_at)
        try:
            concerned = self.stage.key(arrived.event)
        except Exception as exc:  # noqa: BLE001 - whatever the stage raises, the partition goes on
            outputs: Outputs = (_bug(exc),)
        else:
            if isinstance(concerned, str):
                outputs = self._fold_key(concerned, offset, arrived)
            elif concerned is not None:
                outputs = self._fold_keys(sorted(set(concerned)), offset, arrived)
            else:
                outputs = (*self._fold_keys(sorted(self.states), offset, arrived), *self._forward(arrived))
        self.done = offset
        return tuple(_one_rejected(outputs)) if len(outputs) > 1 else outputs

    def skip(self, offset: int) -> None:
        """Pass over a record that no stage gets to see."""
        self.done = offset

    def checkpoint(self, *, everything: bool = False) -> Checkpoint:
        """Return what to store now, and remember it as stored.

        Stored are the touched keys that are settled or over, those that fell far behind, once an hour those
        that were not touched, and with ``everything`` all that changed.
        """
        copies = {key: self._copy(key) for key in self._to_store(everything)}
        kept_for_replays = {key: copy for key, copy in copies.items() if self._due(key)}
        for key in copies:
            self.unstored_since.pop(key, None)
            self.stands_at[key] = self.done
            self.graves.pop(key, None)
        graves = {key: Stored(self.graves[key], None) for key in self._touched if key in self.graves}
        kept_for_replays |= graves
        self._touched.clear()
        kept: dict[str, Stored | None] = {**copies, **graves, **dict.fromkeys(self._sealed_graves())}
        snapshots = tuple(self._snapshots(kept_for_replays))
        return Checkpoint(tuple(kept.items()), self.begin, self.done, snapshots)

    def restore(self, key: str, stored: Stored) -> None:
        """Take in a stored copy.

        Raises:
            DecodeError: the copy is of another version of the stage; the key starts again.
        """
        self.stands_at[key] = stored.offset
        if stored.raw is None:
            self.graves[key] = stored.offset
        else:
            self.states[key] = self.stage.decode(stored.raw)

    def restored(self, done: int, hour: Hour) -> None:
        """Say that every stored copy was taken in, until where the source is done, and in which hour."""
        self.done = done
        self.hour = hour
        self._passed_at = hour.began_at
        self.graves = dict(sorted(self.graves.items(), key=lambda grave: grave[1]))

    def rebase(self, first: int) -> None:
        """Keep the states over a source whose offsets start again, the first record being ``first``."""
        self.done = first - 1
        self.hour = Hour(self.hour.number, first)
        self.stands_at = dict.fromkeys(self.states, self.done)
        self.unstored_since = dict.fromkeys(self.states, first)
        self._touched.update(dict.fromkeys(self.graves))
        self.graves = dict.fromkeys(self.graves, self.done)

    def _fold_keys(self, keys: Iterable[str], offset: int, arrived: Arrived) -> Outputs:
        outputs: list[Output | Rejected] = []
        for key in keys:
            outputs.extend(self._fold_key(key, offset, arrived))
        return tuple(outputs)

    def _forward(self, arrived: Arrived) -> Outputs:
        try:
            return self.stage.forward(arrived)
        except Exception as exc:  # noqa: BLE001 - whatever the stage raises, the partition goes on
            return (_bug(exc),)

    def _fold_key(self, key: str, offset: int, arrived: Arrived) -> Outputs:
        if offset <= self.stands_at.get(key, NEVER):
            return ()
        before = self.states.get(key)
        one = {} if before is None else {key: before}
        try:
            outputs = advance_key(one, self.stage, key, arrived)
        except Exception as exc:  # noqa: BLE001 - whatever the stage raises, the partition goes on
            return (_bug(exc),)
        after = one.get(key)
        if after is None:
            if before is not None:
                self._bury(key, offset)
        elif after is not before:
            self.states[key] = after
            self._touched[key] = None
            if key not in self.unstored_since:
                self.unstored_since[key] = offset
        return outputs

    def _bury(self, key: str, offset: int) -> None:
        del self.states[key]
        self.unstored_since.pop(key, None)
        self.graves.pop(key, None)
        self.graves[key] = self.stands_at[key] = offset
        self._touched[key] = None

    def _to_store(self, everything: bool) -> list[str]:
        if everything:
            return list(self.unstored_since)
        states, settled = self.states, self.stage.settled
        keys = dict.fromkeys(key for key in self._touched if key in states and settled(states[key]))
        for key, since in self.unstored_since.items():
            if since > self.done - BEHIND_RECORDS:
                break
            keys[key] = None
        return [*keys, *self._untouched()]

    def _untouched(self) -> list[str]:
        """Return, once an hour, the keys whose stored copy is of an earlier one and misses nothing."""
        if self._gone_through == self.hour.number:
            return []
        self._gone_through = self.hour.number
        return [key for key in self.states if key not in self.unstored_since and self._due(key)]

    def _due(self, key: str) -> bool:
        """Return whether the key has no copy of this hour yet."""
        return self.stands_at.get(key, NEVER) < self.hour.first

    def _snapshots(self, copies: Mapping[str, Stored]) -> Iterator[Snapshot]:
        begin = self.begin
        return (Snapshot(key, copy.offset, self._passed_at, begin, copy.raw) for key, copy in copies.items())

    def _copy(self, key: str) -> Stored:
        return Stored(self.done, self.stage.encode(self.states[key]))

    def _sealed_graves(self) -> list[str]:
        """Take out the graves that no second reading can reach."""
        sealed = []
        for key, at in self.graves.items():
            if at >= self.begin:
                break
            sealed.append(key)
        for key in sealed:
            del self.graves[key], self.stands_at[key]
        return sealed


def _bug(exc: Exception) -> Rejected:
    return Rejected("rejected", f"{type(exc).__name__}: {exc}")


def _one_rejected(outputs: Outputs) -> Iterator[Output | Rejected]:
    """Keep the first Rejected: a record is one dead letter, however many keys a tick concerns."""
    rejected = False
    for output in outputs:
        if isinstance(output, Rejected):
            if rejected:
                continue
            rejected = True
        yield output
