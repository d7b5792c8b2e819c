"""A share of a replay: the lanes of some partitions, read and folded in one process."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from processors.chain import Record
from processors.replay.ahead import Ahead
from processors.replay.facts import BY_NAME, WRITES, Intake, derived
from processors.replay.lane import Lane
from processors.replay.merge import Order, placed
from processors.replay.outcome import Outcome
from processors.replay.plan import Plan, outputs, sources
from processors.replay.resume import states_at
from processors.replay.source import Source
from processors.replay.tally import Tally
from processors.stage import Stage
from schemas.errors import RefusedError
from schemas.events.node_hint import NodeHint
from schemas.topics import PANES, REQUESTS, TELEMETRY, Topic

# Told of how far it is: log time, µs since the epoch, and records read.
Report = Callable[[int, int], None]
REPORT_EVERY = 1000
# Waits until it is time for a record of that log time.
Pace = Callable[[int], None]


class Said(NamedTuple):
    """What a stage said, on its way behind the lanes. ``lane`` and ``number`` order what has one cause.

    ``body``: Avro binary by the newest packaged schema; empty where nobody wants it.
    """

    order: Order
    lane: int
    number: int
    record: Record
    body: bytes
    late: bool


class Share:
    """Iterate over it for what is handed on, in order; ``outcome`` is complete when it is over."""

    def __init__(
        self,
        source: Source,
        stages: Sequence[Stage[Any]],
        plan: Plan,
        lanes: Sequence[int],
        report: Report = lambda _at, _count: None,
        pace: Pace | None = None,
    ) -> None:
        self._source = source
        self._stages = stages
        self._plan = plan
        self._numbers = tuple(lanes)
        self._report = report
        self._pace = pace
        self._derived = derived(stages)
        live = {*self._compared(), *([TELEMETRY.name] if self._hints() else [])}
        self._tally = Tally(plan, self._derived, live)
        self.outcome = Outcome()
        self._lanes = {number: self._lane(number) for number in lanes}
        if plan.cuts.ticks:
            self._resume()

    def __iter__(self) -> Iterator[Said]:
        """Read, fold, and yield what is handed on.

        Raises:
            DecodeError: the source is damaged.
            UnavailableError: it cannot be reached.
        """
        plan, intake = self._plan, self._intake()
        compared = self._compared()
        records = self._source.read(self._topics(), plan.since, plan.until, self._keys(), self._numbers)
        hints = self._hints()
        order, count = Order(plan.since, "", 0, 0), 0
        for count, (order, record) in enumerate(placed(records), 1):
            if count % REPORT_EVERY == 0:
                self._report(order.at, count)
            if self._pace is not None:
                self._pace(order.at)
            event = intake.event(record)
            if event is None or (hints and isinstance(event, NodeHint)):
                if record.topic in compared or event is not None:
                    self._tally.live(record, intake)
                if event is None:
                    continue
            if not plan.wants(record.topic, event) or plan.cuts.covers(record):
                continue
            if plan.is_fact(event, order.at):
                fed = Record(BY_NAME[record.topic], record.partition, record.key, event, record.arrived_at)
                yield from self._folded(order, fed)
        self._end(order.at, count, intake)

    def _folded(self, order: Order, record: Record) -> Iterator[Said]:
        late = order.at > self._plan.as_of
        # Requests are read by every share, and counted by the first.
        self._tally.fact(order, late=late, counted=record.topic is not REQUESTS or 0 in self._lanes)
        for lane in self._concerned(record):
            for index, output in enumerate(lane.feed(record)):
                handed_on = not output.topic.spread
                body = b"" if handed_on else self._tally.said(order, output, late=late)
                if handed_on or (self._plan.keep and self._tally.counts(order)):
                    yield Said(order, lane.number, index, output, body, late)

    def _concerned(self, record: Record) -> Sequence[Lane]:
        if record.topic is REQUESTS:
            return tuple(self._lanes.values())
        return (self._lanes[record.partition],)

    def _lane(self, number: int) -> Lane:
        plan = self._plan
        return Lane(
            number,
            self._stages,
            plan.partitions,
            recorded=() if plan.fed_back else (TELEMETRY,),
            nodes=plan.nodes,
            ahead=self._ahead(number),
        )

    def _ahead(self, number: int) -> dict[str, Ahead]:
        """Return where actions stand in panes that are computed; else panes are read as they are."""
        if not self._computes_panes() or not self._plan.there([PANES]):
            return {}
        plan = self._plan
        since = plan.cuts.ticks[number].at if number in plan.cuts.ticks else plan.since
        records = self._source.read([PANES], since, plan.ends, self._keys(), (number,))
        return {PANES.name: Ahead(records, self._source.codec(), WRITES["node-stage"][PANES])}

    def _computes_panes(self) -> bool:
        names = {stage.name for stage in self._stages}
        return {"node-stage", "pattern-stage"} <= names

    def _intake(self) -> Intake:
        unwanted = {topic: set(events) for topic, events in self._derived.items()}
        if not self._plan.fed_back:
            unwanted.get(TELEMETRY.name, set()).discard("node_hint")
        if self._computes_panes():
            unwanted[PANES.name].add("operator_action")
        return Intake(self._source.codec(), unwanted)

    def _topics(self) -> tuple[Topic, ...]:
        read = [topic for topic in sources(self._stages) if topic is not PANES or self._reads_panes()]
        return self._plan.there([*read, *self._compared().values()])

    def _reads_panes(self) -> bool:
        """Return whether some of the panes are facts to this replay."""
        return not {"node-stage", "request-stage"} <= {stage.name for stage in self._stages}

    def _compared(self) -> dict[str, Topic]:
        if not self._plan.compare:
            return {}
        return {
            topic.name: topic for topic in outputs(self._stages) if topic.spread and topic is not TELEMETRY
        }

    def _hints(self) -> bool:
        """Return whether hints are compared: they are said here, and telemetry is read for its facts."""
        said = "node_hint" in self._derived.get(TELEMETRY.name, ())
        return self._plan.compare and said and TELEMETRY in sources(self._stages)

    def _keys(self) -> tuple[str, ...]:
        return tuple(sorted(self._plan.nodes))

    def _resume(self) -> None:
        found = states_at(self._source, self._stages, self._plan.cuts, partitions=self._numbers)
        if found is None:
            raise RefusedError("the snapshots of the states do not fit what is in the log")
        for lane in self._lanes.values():
            lane.resume(found)

    def _end(self, at: int, count: int, intake: Intake) -> None:
        self._report(at, count)
        self.outcome = self._tally.outcome()
        self.outcome.read = count
        self.outcome.unreadable = intake.unreadable
        self.outcome.gaps = list(self._source.gaps())
        for lane in self._lanes.values():
            self.outcome.refused += [
                f"{one.stage} refused {type(one.record.event).__name__} in {one.record.topic.name}"
                f"[{one.record.partition}]: {one.why.detail}"
                for one in lane.chain.refused
            ]
