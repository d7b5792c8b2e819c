"""Counts what is said: for the digest, beside what was said live, or apart if late facts are behind it."""

from collections.abc import Collection, Mapping

from processors.chain import Record
from processors.replay.compare import Comparison, Side
from processors.replay.digest import Canonical, Digest, canonical
from processors.replay.facts import BY_NAME, Intake
from processors.replay.merge import Order
from processors.replay.outcome import KEPT, Outcome
from processors.replay.plan import Plan
from schemas.log_file import LogRecord


class Tally:
    """One for each share of a replay. ``derived``: of each topic, the events that its stages write.

    ``compared``: the topics, by name, of which what was said live is read too.
    """

    def __init__(self, plan: Plan, derived: Mapping[str, Collection[str]], compared: Collection[str]) -> None:
        self._plan = plan
        self._begins = plan.begins
        self._derived = derived
        self._compared = frozenset(compared)
        self._outcome = Outcome()
        self._digest: Digest = self._outcome.digest
        self._comparison = (
            Comparison(plan.begins, plan.ends, lag_us=plan.lag_us, compacted=plan.compacted)
            if plan.compare
            else None
        )

    def counts(self, order: Order) -> bool:
        """Return whether what follows from a record is of the range, not of the warm-up."""
        return order.at >= self._begins

    def fact(self, order: Order, *, late: bool, counted: bool = True) -> None:
        """Count a fact, and let time pass."""
        self._outcome.facts += counted
        self._outcome.late.facts += counted and late
        if self._comparison is not None:
            self._comparison.passed(order.at)

    def said(self, order: Order, record: Record, *, late: bool) -> bytes:
        """Take what a stage said; return its Avro binary, empty if it is of the warm-up."""
        comparison = self._comparison
        if order.at < self._begins and (comparison is None or order.at < self._begins - self._plan.lag_us):
            return b""
        event = canonical(record.topic, record.key, record.event)
        if late:
            self._late(event, record)
            return event.body
        if comparison is not None and event.topic in self._compared:
            comparison.replayed(event, Side(order, record.event))
        if order.at < self._begins:
            return b""
        self._outcome.counts[event.topic, event.name] += 1
        self._digest.add(event)
        return event.body

    def live(self, record: LogRecord, intake: Intake) -> None:
        """Take what was said live."""
        event = intake.read(record)
        if event is None or self._comparison is None or not self._plan.wants(record.topic, event):
            return
        order = Order(record.arrived_at, record.topic, record.partition, record.offset)
        said: Canonical = canonical(BY_NAME[record.topic], record.key, event)
        if said.name not in self._derived.get(record.topic, ()):
            return
        self._comparison.live(said, Side(order, event))

    def outcome(self) -> Outcome:
        """Return what was counted; everything has been taken."""
        if self._comparison is not None:
            self._outcome.verdict = self._comparison.verdict()
        return self._outcome

    def _late(self, event: Canonical, record: Record) -> None:
        occurred_at = int(getattr(record.event, "occurred_at", 0))
        if occurred_at >= self._plan.ends or event.name == "watermark":
            return
        late = self._outcome.late
        late.counts[event.topic, event.name] += 1
        if len(late.first) < KEPT:
            late.first.append((occurred_at, event.topic, record.event))
