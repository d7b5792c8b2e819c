"""Alerts tried: the recorded summaries of nodes through the fleet stage, once for each set of rules.

A summary says what was measured, which no rule changes, and which observations were open. Of patterns that
are tried, those are replaced by what the rules of the side told; see ``open_then``.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter

from processors.fleet.stage import FleetStage
from processors.fleet.state import AlertLife, State
from processors.patterns.rules import Rules
from processors.patterns.turning import SECOND_US
from processors.replay.backtest.feed import Part, in_part
from processors.replay.backtest.kinds import Wanted
from processors.replay.backtest.nodes import Reached, Tried
from processors.replay.source import Source
from processors.stage import Arrived, Output, advance
from schemas.codec import Event
from schemas.events.alert import Alert
from schemas.events.node_summary import NodeSummary, OpenObservation
from schemas.events.observation import Observation, ObservationResolved
from schemas.events.operator_action import OperatorAction
from schemas.events.watermark import Watermark
from schemas.events.wes_baseline import WesBaseline
from schemas.topics import SUMMARIES

# Of each model and load the two newest baselines of two days count.
BASELINES_US = 48 * 3600 * SECOND_US
_TELL_EVERY = 2_000
_KINDS = (NodeSummary, WesBaseline, OperatorAction, Watermark)

Alerted = tuple[int, int, Alert]


class Opened:
    """Which observations of tried patterns were open at a node when, by what a side told, by node time."""

    def __init__(self, told: Sequence[Observation]) -> None:
        self._changes: dict[str, dict[str, list[tuple[int, OpenObservation | None]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for event in told:
            over = isinstance(event, ObservationResolved)
            now = OpenObservation(event.observation_id, event.pattern, event.severity, event.onset_at)
            self._changes[event.node_id][event.pattern].append((event.occurred_at, None if over else now))

    def at(self, node_id: str, moment: int) -> Iterator[OpenObservation]:
        """Yield what was open at a node at a moment of its clock."""
        for changes in self._changes.get(node_id, {}).values():
            place = bisect_right(changes, moment, key=itemgetter(0))
            now = changes[place - 1][1] if place else None
            if now is not None:
                yield now


class Fleets:
    """Tries alerts of fleets. ``told``: what each side told of the patterns that are tried, at ``nodes``."""

    def __init__(
        self,
        rules: Sequence[Rules],
        alerts: Sequence[str],
        patterns: Sequence[str],
        told: Sequence[Sequence[Observation]],
        *,
        nodes: Sequence[str],
        judge_from: int,
        lives: Mapping[str, Sequence[AlertLife]],
    ) -> None:
        self._stages = [FleetStage(each, alerts) for each in rules]
        self._states: list[dict[str, State]] = [{} for _ in rules]
        self._patterns = frozenset(patterns)
        self._opened = [Opened(each) for each in told]
        self._nodes = nodes
        self._judge_from = judge_from
        self._lives = lives
        self._begun = False
        self.unreadable = 0

    def judged(self, source: Source, part: Part) -> Iterator[Alerted | Reached]:
        """Read summaries and yield (side, arrival, alert) of what is told, and how far it is."""
        yield from self._baselines(source, part)
        wanted = Wanted(source.codec(), _KINDS)
        count = 0
        for record, event in wanted.among(source.read([SUMMARIES], part.since, part.until)):
            fleet = getattr(event, "fleet", "")
            if fleet and not in_part(part.fleets, fleet):
                continue
            count += 1
            if count % _TELL_EVERY == 0:
                yield Reached(record.arrived_at, 0)
            if not self._begun and record.arrived_at >= self._judge_from:
                self._reopen()
            for side, alert in self._advanced(event, record.arrived_at):
                yield side, record.arrived_at, alert
        self.unreadable = wanted.unreadable

    def _baselines(self, source: Source, part: Part) -> Iterator[Alerted]:
        """Take the baselines from before: they are told once an hour, and hold for two days."""
        wanted = Wanted(source.codec(), (WesBaseline,))
        before = source.read([SUMMARIES], part.since - BASELINES_US, part.since)
        for record, event in wanted.among(before):
            for side, alert in self._advanced(event, record.arrived_at):
                yield side, record.arrived_at, alert

    def _advanced(self, event: Event, arrived_at: int) -> Iterator[tuple[int, Alert]]:
        for side, (stage, states) in enumerate(zip(self._stages, self._states, strict=True)):
            tried = self._with_open(event, side) if isinstance(event, NodeSummary) else event
            for output in advance(states, stage, Arrived(tried, arrived_at)):
                if self._begun and isinstance(output, Output) and isinstance(output.event, Alert):
                    yield side, output.event

    def _with_open(self, summary: NodeSummary, side: int) -> NodeSummary:
        if not self._patterns or not in_part(self._nodes, summary.node_id):
            return summary
        moment = summary.occurred_at + int(summary.silent_s * SECOND_US)
        others = (one for one in summary.open if one.pattern not in self._patterns)
        found = sorted((*others, *self._opened[side].at(summary.node_id, moment)), key=_pattern)
        return summary._replace(open=tuple(found))

    def _reopen(self) -> None:
        """From here on it counts: what was open then is open, and nothing else."""
        self._begun = True
        for stage, states in zip(self._stages, self._states, strict=True):
            for key in sorted({*states, *self._lives}):
                state = states.get(key) or stage.initial(key)
                states[key] = state._replace(lives=tuple(sorted(self._lives.get(key, ()))))


def observations(tried: Sequence[Tried], sides: int) -> list[list[Observation]]:
    """Return what each side told, in the order of the log."""
    found: list[list[Observation]] = [[] for _ in range(sides)]
    for one in sorted(tried, key=lambda each: each.arrived_at):
        found[one.side].append(one.event)
    return found


def _pattern(one: OpenObservation) -> str:
    return one.pattern
