"""Where an operator's action stood between the derived records of its partition.

An action is a fact in a topic whose other records are computed anew. Live it was read after what stood before
it; replayed, those records are there as soon as their causes are, so its time alone would put it a little too
late. What is read here, a few minutes ahead of the replay, is after which derived record each action stood.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from processors.chain import Chain, Record
from processors.replay.digest import NAMES
from processors.replay.facts import BY_NAME, Intake
from schemas.codec import Codec
from schemas.codec.framing import PREFIX_BYTES
from schemas.codec.serde import encode_body
from schemas.events.operator_action import OperatorAction
from schemas.log_file import LogRecord

# The stages are behind the facts by less than this, or an action is read at its time of arrival.
LOOK_US = 300 * 1_000_000


@dataclass(slots=True)
class _Action:
    record: Record
    read: bool = False


class Ahead:
    """Reads a topic ahead. ``derived``: the events in it that the replay computes."""

    def __init__(self, records: Iterator[LogRecord], codec: Codec, derived: Collection[str]) -> None:
        self._records = records
        self._intake = Intake(codec, {})
        self._derived = frozenset(derived)
        self._names: dict[bytes, str] = {}
        self._last: dict[int, LogRecord] = {}
        self._behind: dict[int, dict[bytes, list[_Action]]] = defaultdict(dict)
        self._actions: list[_Action] = []
        self._next: LogRecord | None = next(records, None)

    def read(self, at: int) -> None:
        """Read on, to a few minutes after ``at``, µs since the epoch."""
        while self._next is not None and self._next.arrived_at <= at + LOOK_US:
            self._take(self._next)
            self._next = next(self._records, None)

    def behind(self, record: Record) -> list[Record]:
        """Return the actions that stood behind a derived record, each once."""
        places = self._behind.get(record.partition)
        if not places:
            return []
        actions = places.pop(encode_body(record.event), [])
        for one in actions:
            one.read = True
        return [one.record for one in actions]

    def due(self, at: int) -> list[Record]:
        """Return the actions that arrived until ``at`` and stood behind nothing that was computed."""
        found: list[Record] = []
        while self._actions and (self._actions[0].read or self._actions[0].record.arrived_at <= at):
            one = self._actions.pop(0)
            if not one.read:
                one.read = True
                found.append(one.record)
        if not self._actions:
            self._behind.clear()
        return found

    def _take(self, record: LogRecord) -> None:
        name = self._name(record)
        if name in self._derived:
            self._last[record.partition] = record
        elif name == "operator_action":
            self._hold(record)

    def _hold(self, record: LogRecord) -> None:
        event = self._intake.read(record)
        if not isinstance(event, OperatorAction):
            return
        topic = BY_NAME[record.topic]
        action = _Action(Record(topic, record.partition, record.key, event, record.arrived_at))
        self._actions.append(action)
        last = self._last.get(record.partition)
        before = None if last is None else self._intake.read(last)
        if before is not None:
            self._behind[record.partition].setdefault(encode_body(before), []).append(action)

    def _name(self, record: LogRecord) -> str:
        prefix = record.value[:PREFIX_BYTES]
        name = self._names.get(prefix)
        if name is None:
            event = self._intake.read(record)
            if event is None:
                return ""
            name = self._names[prefix] = NAMES[type(event)]
        return name


class PlacedChain(Chain):
    """A chain that reads actions where they stood; ``ahead`` by topic name."""

    ahead: dict[str, Ahead]

    def behind(self, cause: Record) -> list[Record]:
        """Return the actions that are to be read after a record that a stage has written."""
        ahead = self.ahead.get(cause.topic.name)
        return [] if ahead is None else ahead.behind(cause)
