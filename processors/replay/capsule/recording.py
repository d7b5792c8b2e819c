"""Which records of a source go into a capsule: facts from where the warm-up begins, and what was said."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from processors.fleet.baselines import DELAY_US, VALID_US
from processors.replay.capsule.manifest import Told
from processors.replay.capsule.replaying import told
from processors.replay.digest import NAMES, Digest, canonical
from processors.replay.facts import BY_NAME, Intake, derived
from processors.replay.plan import Plan
from processors.replay.snapshot import HOUR_US, HOURS, MARGIN_US
from processors.replay.source import Source
from processors.requests.facts import REQUEST_EVENTS, keys
from processors.stage import Stage
from schemas.codec import Event
from schemas.events.stage_snapshot import StageSnapshot
from schemas.events.wes_baseline import WesBaseline
from schemas.log_file import LogRecord
from schemas.topics import (
    ALERTS,
    NODE_STATES,
    NODES,
    OBSERVATIONS,
    PANES,
    REQUESTS,
    SNAPSHOTS,
    SUMMARIES,
    TELEMETRY,
)

# As long before the cut as a search for the newest snapshot of every key goes back first.
SNAPSHOTS_US = (HOURS + 1) * HOUR_US
# Whose records are needed as far back as the warm-up goes: facts, and what tells where actions stood.
_FROM_THE_WARM_UP = frozenset(topic.name for topic in (NODES, TELEMETRY, REQUESTS, PANES, SUMMARIES))
_FROM_THE_RANGE = frozenset(topic.name for topic in (NODE_STATES, OBSERVATIONS, ALERTS))


@dataclass(slots=True)
class Recording:
    """Iterate over it for the records; then ``seen`` and ``left_out`` are known.

    ``records_from``: where reading begins, earlier than ``plan.since`` with snapshots.
    """

    source: Source
    stages: Sequence[Stage[Any]]
    plan: Plan
    records_from: int
    left_out: Counter[str] = field(default_factory=Counter)
    facts: int = 0
    _digest: Digest = field(default_factory=Digest)

    def __iter__(self) -> Iterator[LogRecord]:
        """Yield the records, in the order of a replay.

        Raises:
            DecodeError: the source is damaged.
            UnavailableError: it cannot be reached.
        """
        intake = Intake(self.source.codec(), {})
        said = derived(self.stages)
        yield from self._baselines(intake)
        topics = [BY_NAME[name] for name in sorted(_FROM_THE_WARM_UP | _FROM_THE_RANGE)]
        yield from self._snapshots(intake)
        for record in self.source.read(topics, self.records_from, self.plan.ends + self.plan.lag_us):
            if record.topic in _FROM_THE_RANGE and record.arrived_at < self.plan.begins:
                continue
            event = intake.read(record)
            if event is None:
                yield from self._unreadable(record)
            elif self._wants(record, event) and self._takes(record, event, said.get(record.topic, ())):
                yield record

    def seen(self) -> dict[str, Told]:
        """Return what was said in the range, by topic."""
        return told(self._digest)

    def _takes(self, record: LogRecord, event: Event, said: Sequence[str] | frozenset[str]) -> bool:
        """Count a record; facts end with the range, and what is said of them comes a little later."""
        if NAMES[type(event)] in said and record.topic != TELEMETRY.name:
            if record.arrived_at >= self.plan.begins:
                self._digest.add(canonical(BY_NAME[record.topic], record.key, event))
            return True
        if record.arrived_at >= self.plan.ends:
            return False
        # Ticks are everywhere; alone they are no incident.
        self.facts += record.key is not None
        return True

    def _wants(self, record: LogRecord, event: Event) -> bool:
        if not self.plan.wants(record.topic, event):
            return False
        nodes = self.plan.nodes
        return not nodes or not isinstance(event, REQUEST_EVENTS) or not nodes.isdisjoint(keys(event))

    def _unreadable(self, record: LogRecord) -> Iterator[LogRecord]:
        """Keep it where everything is kept: live, and in the replay, it is a dead letter."""
        if record.arrived_at >= self.plan.ends:
            return
        if self.plan.nodes or self.plan.fleet:
            self.left_out["unreadable"] += 1
        else:
            yield record

    def _snapshots(self, intake: Intake) -> Iterator[LogRecord]:
        """Yield the snapshots that the replay begins with, those of the last hours before its cut."""
        before = self.plan.cuts.loaded_before
        if not self.plan.cuts.ticks:
            return
        for record in self.source.read([SNAPSHOTS], max(0, before - SNAPSHOTS_US), before + MARGIN_US):
            event = intake.read(record)
            if isinstance(event, StageSnapshot) and (not self.plan.nodes or event.key in self.plan.nodes):
                yield record

    def _baselines(self, intake: Intake) -> Iterator[LogRecord]:
        """Yield the baselines that were in force when reading begins."""
        since = self.records_from
        for record in self.source.read([SUMMARIES], max(0, since - VALID_US - DELAY_US), since):
            event = intake.read(record)
            if isinstance(event, WesBaseline) and self._wants(record, event):
                yield record
