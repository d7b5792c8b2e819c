"""What comes behind the lanes: the stages that read a topic in one piece, as the fleet stage reads summaries.

What the lanes said for these topics, and the facts in them, are merged in the order of a replay, so that it
makes no difference how many processes the lanes were in.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from processors.chain import Record
from processors.fleet.baselines import DELAY_US, VALID_US
from processors.replay.ahead import Ahead, PlacedChain
from processors.replay.facts import BY_NAME, Intake, derived
from processors.replay.merge import Order, placed
from processors.replay.outcome import Outcome
from processors.replay.plan import Plan, outputs, sources, split
from processors.replay.share import Said
from processors.replay.source import Source
from processors.replay.tally import Tally
from processors.stage import Stage
from schemas.events.wes_baseline import WesBaseline
from schemas.log_file import LogRecord
from schemas.topics import SUMMARIES, Topic

# Facts of a topic stand behind what the lanes said for it at the same moment.
_LAST = 1 << 30


class Hub:
    """Iterate over it, with what the lanes said, for all that is kept, in order."""

    def __init__(self, source: Source, stages: Sequence[Stage[Any]], plan: Plan) -> None:
        self._source = source
        self._plan = plan
        _, self._stages = split(stages)
        self._all = stages
        self._derived = derived(stages)
        self._tally = Tally(plan, self._derived, [topic.name for topic in self._compared()])
        self._chain = PlacedChain(self._stages, plan.partitions)
        self._chain.ahead = self._ahead()
        unwanted = {topic: set(events) for topic, events in self._derived.items()}
        for topic in self._chain.ahead:
            unwanted[topic].add("operator_action")
        self._intake = Intake(source.codec(), unwanted)
        self.outcome = Outcome()

    def resume(self, found: dict[tuple[str, int], dict[str, Any]]) -> None:
        """Begin with states, by stage and partition of its source."""
        for stage in self._stages:
            for (name, partition), states in found.items():
                if name == stage.name:
                    self._chain.states(stage, partition).update(states)

    def run(self, lanes: Iterable[Said]) -> Iterator[Said]:
        """Yield what is kept, in order: of the lanes, and of the stages behind them.

        Raises:
            DecodeError: the source is damaged.
            UnavailableError: it cannot be reached.
        """
        for said in heapq.merge(lanes, self._facts(), key=_place):
            if said.lane == _LAST or not said.record.topic.spread:
                yield from self._behind(said)
            elif self._plan.keep:
                yield said
        self.outcome = self._tally.outcome()
        self.outcome.unreadable = self._intake.unreadable
        self.outcome.refused = [
            f"{one.stage} refused {type(one.record.event).__name__}: {one.why.detail}"
            for one in self._chain.refused
        ]

    def _behind(self, said: Said) -> Iterator[Said]:
        order, late = said.order, said.late
        if said.lane == _LAST:
            self._tally.fact(order, late=late)
        else:
            body = self._tally.said(order, said.record, late=late)
            if self._plan.keep and body and not late:
                yield said._replace(body=body)
        for number, output in enumerate(self._fed(said.record), 1):
            body = self._tally.said(order, output, late=late)
            if self._plan.keep and body and not late:
                yield said._replace(record=output, body=body, number=said.number + number)

    def _fed(self, record: Record) -> list[Record]:
        outputs_: list[Record] = []
        for ahead in self._chain.ahead.values():
            ahead.read(record.arrived_at)
            for action in ahead.due(record.arrived_at - 1):
                outputs_ += self._chain.feed(action)
        return [*outputs_, *self._chain.feed(record)]

    def _facts(self) -> Iterator[Said]:
        """Yield the facts in the topics that come in one piece; count what was said live on the way."""
        topics = self._topics()
        if not topics:
            return
        plan, names = self._plan, {topic.name for topic in self._compared()}
        yield from self._baselines()
        records: Iterable[LogRecord] = self._source.read(topics, plan.since, plan.until)
        for order, record in placed(records):
            event = self._intake.event(record)
            if event is None:
                if record.topic in names:
                    self._tally.live(record, self._intake)
                continue
            if plan.wants(record.topic, event) and plan.is_fact(event, order.at):
                fact = Record(BY_NAME[record.topic], record.partition, record.key, event, record.arrived_at)
                yield Said(order, _LAST, 0, fact, b"", order.at > plan.as_of)

    def _baselines(self) -> Iterator[Said]:
        """Yield the baselines that were in force when reading begins: they are few, and hold for two days."""
        if SUMMARIES not in self._topics() or self._plan.cuts.ticks:
            return
        since = self._plan.since
        for order, record in placed(self._source.read([SUMMARIES], since - VALID_US - DELAY_US, since)):
            event = self._intake.event(record)
            if isinstance(event, WesBaseline) and self._plan.wants(record.topic, event):
                yield Said(
                    order, _LAST, 0, Record(SUMMARIES, 0, record.key, event, order.at), b"", late=False
                )

    def _topics(self) -> tuple[Topic, ...]:
        return self._plan.there([*sources(self._stages), *self._compared()])

    def _compared(self) -> tuple[Topic, ...]:
        return in_one_piece(self._all) if self._plan.compare else ()

    def _ahead(self) -> dict[str, Ahead]:
        names = {stage.name for stage in self._all}
        if not {"pattern-stage", "fleet-stage"} <= names or not self._plan.there([SUMMARIES]):
            return {}
        plan = self._plan
        since = min((cut.at for cut in plan.cuts.ticks.values()), default=plan.since)
        records = self._source.read([SUMMARIES], since, plan.ends)
        return {SUMMARIES.name: Ahead(records, self._source.codec(), self._derived[SUMMARIES.name])}


def in_one_piece(stages: Sequence[Stage[Any]]) -> tuple[Topic, ...]:
    """Return the topics in one piece that the stages write."""
    return tuple(topic for topic in outputs(stages) if not topic.spread)


def _place(said: Said) -> tuple[Order, int, int]:
    return said.order, said.lane, said.number
