"""The nodes of some partitions, tried by one or two sets of rules."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from processors.patterns.catalog import PATTERNS
from processors.patterns.rules import Rules
from processors.patterns.stage import PatternStage
from processors.patterns.state import Life
from processors.patterns.taken import Taken
from processors.replay.backtest.feed import Fed, Feed, Part
from processors.replay.backtest.run_of_panes import Said
from processors.replay.backtest.trial import NodeTrial
from processors.stage import Arrived
from schemas.events.observation import Observation

_TELL_EVERY = 2_000


class Tried(NamedTuple):
    """What the rules of a side told of a node, when the record that brought it about arrived."""

    side: int
    arrived_at: int
    event: Observation


class Reached(NamedTuple):
    """How far it is: log time, µs, and panes judged."""

    at: int
    panes: int


class Nodes:
    """Tries nodes. Before ``judge_from`` windows fill; then ``lives`` are what was open."""

    def __init__(
        self,
        rules: Sequence[Rules],
        patterns: Sequence[str],
        judge_from: int,
        lives: Mapping[str, Sequence[Life]],
    ) -> None:
        self._stages = [PatternStage(PATTERNS, each, only=patterns) for each in rules]
        self._judge_from = judge_from
        self._lives = lives
        self._trials: dict[str, NodeTrial] = {}
        self._filling: set[str] = set()
        self._in: dict[int, list[str]] = {}
        self.panes = 0

    @property
    def count(self) -> int:
        """How many nodes there were."""
        return len(self._trials)

    def judged(self, feed: Feed, part: Part) -> Iterator[Tried | Reached]:
        """Read a part and yield what is told, in its order, and now and then how far it is."""
        told_at = _TELL_EVERY
        for fed in feed.read(part):
            if self.panes >= told_at:
                told_at = self.panes + _TELL_EVERY
                yield Reached(fed.arrived_at, self.panes)
            for node_id in (fed.node_id,) if fed.node_id else self._in.get(fed.partition, ()):
                for said in self._take(node_id, fed):
                    for event in said.told:
                        yield Tried(said.side, fed.arrived_at, event)

    def _take(self, node_id: str, fed: Fed) -> Sequence[Said]:
        trial = self._trials.get(node_id) or self._new(node_id, fed.partition)
        if node_id in self._filling and fed.arrived_at >= self._judge_from:
            self._filling.discard(node_id)
            trial.reopen(self._lives.get(node_id, ()))
        event = fed.event
        if isinstance(event, Taken):
            self.panes += 1
            said = trial.pane(event)
        else:
            said = trial.event(Arrived(event, fed.arrived_at, fed.partition))
        return () if node_id in self._filling else said

    def _new(self, node_id: str, partition: int) -> NodeTrial:
        trial = self._trials[node_id] = NodeTrial(node_id, self._stages)
        self._filling.add(node_id)
        self._in.setdefault(partition, []).append(node_id)
        return trial
