"""States from snapshots: folded on to one cut of the log, from where every stage goes on together.

The cut is a tick of the clock in each partition of telemetry. The node stage has folded that partition until
there; its watermark in panes, which names the tick's time, is where the pattern stage stands; and the pattern
stage's watermark in summaries is where the fleet stage stands, as far as that partition's nodes go. Requests
are cut a minute earlier: what follows from that minute is written twice, and a part of a pane counts once.

Each stage is folded from its snapshots to its place in the cut by what its own source holds, so nothing is
computed from a state that was not there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from processors.replay.facts import BY_NAME, Intake
from processors.replay.snapshot import Standing, Standings, load, read_since
from processors.replay.source import Source
from processors.stage import Arrived, Stage, advance_key
from schemas.codec import Event
from schemas.events.clock_tick import ClockTick
from schemas.events.node_summary import NodeSummary
from schemas.events.watermark import Watermark
from schemas.log_file import LogRecord
from schemas.partition import partition_of
from schemas.topics import PANES, REQUESTS, SUMMARIES, TELEMETRY

MINUTE_US: Final = 60 * 1_000_000
# The cut lies this long before the range, so that a part of the stages that was behind is at it all the same.
BEFORE_US: Final = 2 * MINUTE_US
# How long the stages may have been behind at the cut.
BEHIND_US: Final = 15 * MINUTE_US


class Cut(NamedTuple):
    """The tick of a partition of telemetry: its offset, and when it arrived."""

    offset: int
    at: int


class Cuts(NamedTuple):
    """``ticks`` by partition; ``requests_at``: requests until then are folded. ``since``: reading begins.

    ``loaded_before``: snapshots that stood before this are used.
    """

    ticks: Mapping[int, Cut] = {}
    requests_at: int = 0
    since: int = 0
    loaded_before: int = 0

    def covers(self, record: LogRecord) -> bool:
        """Return whether the states at the cut have a record of telemetry or requests in them."""
        if record.topic == REQUESTS.name:
            return record.arrived_at < self.requests_at
        cut = self.ticks.get(record.partition)
        if cut is None:
            return False
        return record.offset <= cut.offset if record.topic == TELEMETRY.name else record.arrived_at < cut.at


NO_CUTS: Final = Cuts()


def find_cuts(source: Source, begins: int, partitions: int) -> Cuts | None:
    """Return the newest cut that is well before a range, or None where some partition has no tick there."""
    intake = Intake(source.codec(), {})
    before = begins - BEFORE_US
    ticks: dict[int, Cut] = {}
    names = Ticks(intake)
    for record in source.read([TELEMETRY], before - MINUTE_US, before):
        if names.is_tick(record):
            ticks[record.partition] = Cut(record.offset, record.arrived_at)
    if len(ticks) < partitions:
        return None
    first = min(cut.at for cut in ticks.values())
    return Cuts(ticks, first - MINUTE_US, first - MINUTE_US, first - MINUTE_US)


class Ticks:
    """Tells ticks from other records by their key alone, as far as that goes."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def is_tick(self, record: LogRecord) -> bool:
        """Return whether the record is a tick of the clock."""
        return record.key is None and isinstance(self._intake.read(record), ClockTick)


def states_at(
    source: Source,
    stages: Sequence[Stage[Any]],
    cuts: Cuts,
    *,
    keys: Sequence[str] = (),
    partitions: Sequence[int] = (),
) -> dict[tuple[str, int], dict[str, Any]] | None:
    """Return the states of stages at the cut, by stage and partition; None: there are no snapshots.

    ``keys`` and ``partitions``: of the nodes that are wanted.
    """
    standings: Standings = load(source, stages, cuts.loaded_before, keys=keys, partitions=partitions)
    since = read_since(standings)
    if since is None:
        return None
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for stage in stages:
        topic = stage.source
        until = cuts.loaded_before + 2 * MINUTE_US + BEHIND_US
        records = source.read([topic], since, until, keys, partitions)
        # A stage without snapshots beside others that have some has begun since, or has nothing to remember.
        fold = _Fold(stage, standings.get(stage.name, {}), cuts)
        if not fold.all(records, Intake(source.codec(), {})):
            return None
        for partition, states in fold.states.items():
            found[stage.name, partition] = states
    return found


class _Fold:
    """Folds one stage from its snapshots to the cut."""

    def __init__(
        self, stage: Stage[Any], standings: Mapping[int, Mapping[str, Standing]], cuts: Cuts
    ) -> None:
        self._stage = stage
        self._standings = standings
        self._cuts = cuts
        self._reached: set[int] = set()
        self.states = {partition: _begun(keys) for partition, keys in standings.items()}

    def all(self, records: Iterable[LogRecord], intake: Intake) -> bool:
        """Fold the records until the cut; return whether it was found in each partition with nodes."""
        for record in records:
            event = intake.read(record)
            if event is not None and not self._behind(record, event):
                self._one(record, event)
                self._reach(record, event)
        if self._stage.source is REQUESTS or self._stage.source is TELEMETRY:
            return True
        wanted = self._cuts.ticks if self._stage.source is SUMMARIES else self._standings
        return self._reached >= set(wanted)

    def _behind(self, record: LogRecord, event: Event) -> bool:
        """Return whether a record is not in the states at the cut."""
        topic = BY_NAME[record.topic]
        if topic is REQUESTS or topic is TELEMETRY:
            return not self._cuts.covers(record)
        if topic is PANES:
            return record.partition in self._reached
        if isinstance(event, Watermark):
            return event.partition in self._reached
        if isinstance(event, NodeSummary):
            return partition_of(event.node_id, len(self._cuts.ticks)) in self._reached
        return record.arrived_at >= min(cut.at for cut in self._cuts.ticks.values())

    def _reach(self, record: LogRecord, event: Event) -> None:
        if isinstance(event, Watermark):
            cut = self._cuts.ticks.get(event.partition)
            if cut is not None and event.passed_at >= cut.at:
                self._reached.add(event.partition)
        del record

    def _one(self, record: LogRecord, event: Event) -> None:
        states = self.states.setdefault(record.partition, {})
        standings = self._standings.get(record.partition, {})
        arrived = Arrived(event, record.arrived_at, record.partition)
        for key in self._keys(states, event):
            standing = standings.get(key)
            if standing is None or record.offset > standing.stands_at:
                advance_key(states, self._stage, key, arrived)

    def _keys(self, states: Mapping[str, Any], event: Event) -> Iterator[str]:
        concerned = self._stage.key(event)
        if isinstance(concerned, str):
            yield concerned
        else:
            yield from sorted(states if concerned is None else set(concerned))


def _begun(keys: Mapping[str, Standing]) -> dict[str, Any]:
    return {key: one.state for key, one in keys.items() if one.state is not None}
