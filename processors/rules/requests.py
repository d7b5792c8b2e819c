"""Rules about requests: of one model at one node, over the last seconds.

The parts of a pane come from several partitions. A window is judged when the pane behind it has begun to
come, so all parts of the panes in it are there; when nothing comes any more, log time takes the place of it.
"""

from typing import Any, NamedTuple

from processors.rules.judge import Told
from processors.rules.life import Moment, Subject
from processors.rules.nodes import FORGET_US, end_by_rule
from processors.rules.plans import Index
from processors.rules.rules import Rules, Turnover
from processors.rules.state import State, Window, tags_of
from processors.rules.windows import PANE_US, SECOND_US, Slot, Span, reader, reading_of, with_part
from processors.rules.work import Standing, StoredStanding, Work
from schemas.codec import Event
from schemas.events.condition_changed import ConditionChanged
from schemas.events.request_pane import RequestPane
from schemas.rule_fields import Source

# A model that nobody asks for any more: what it fired is over.
QUIET_US = 600 * SECOND_US
LONGEST_US = 600 * SECOND_US
# How late the last parts of a pane come after the first of the next.
LATE_US = 15 * SECOND_US
# A pane from further ahead would drag the time of all requests with it.
FUTURE_US = 300 * SECOND_US


class Memory(NamedTuple):
    """What is known of one model at one node, since its first pane.

    ``heard``: by the clock, when requests came last.
    """

    fleet: str
    node_id: str
    model: str
    since: int
    heard: int
    slots: tuple[Slot, ...]
    standing: Standing

    @property
    def living(self) -> int:
        """How many lives it has."""
        return len(self.standing.lives)


class StoredModel(NamedTuple):
    """A memory as bytes."""

    fleet: str
    node_id: str
    model: str
    since: int
    heard: int
    slots: tuple[Slot, ...]
    standing: StoredStanding


class RequestJudge:
    """Judges windows of requests."""

    source: Source = "requests"
    stored = StoredModel
    passed_over = frozenset({"NodePane", "OperatorAction"})

    def take(self, state: State, event: Event) -> tuple[State, Told] | None:
        """Return the state with a part of a pane; None: the event is of another kind."""
        if not isinstance(event, RequestPane):
            return None
        ahead = event.occurred_at - state.clock.passed_at
        if not state.rules.known or (state.clock.passed_at and ahead > FUTURE_US):
            return state, ()
        key = "\x1f".join((event.fleet, event.node_id, event.model))
        memory = state.subjects.get(key) or Memory(
            event.fleet, event.node_id, event.model, event.started_at, 0, (), Standing(event.started_at)
        )
        oldest = state.window.newest - LONGEST_US - 2 * PANE_US
        slots = tuple(slot for slot in with_part(memory.slots, event) if slot.started_at >= oldest)
        ran = state.clock.ran
        window = state.window
        if event.occurred_at > window.newest:
            window = window._replace(newest=event.occurred_at, seen_at=ran)
        subjects = state.subjects.set(key, memory._replace(slots=slots, heard=ran))
        return state._replace(subjects=subjects, window=window), ()

    def passed(self, state: State, moment: Moment) -> tuple[State, Told]:
        """Judge every model when the time of requests has moved on by a pane."""
        window = state.window
        if not window.newest:
            return state, ()
        idle = state.clock.ran - window.seen_at
        until = window.newest - PANE_US + max(0, idle - LATE_US + PANE_US) // PANE_US * PANE_US
        if until <= window.judged_until:
            return state, ()
        state = state._replace(window=Window(window.newest, window.seen_at, until))
        moment = moment._replace(at=until, occurred_at=until)
        told: list[ConditionChanged] = []
        for key, memory in sorted(state.subjects.items()):
            state, said = _judged(state, key, memory, moment)
            told += said
        told_at = state.clock.ran if told else state.told_at
        return state._replace(told_at=told_at), tuple(told)

    def turned(self, state: State, turnover: Turnover, moment: Moment) -> tuple[State, Told]:
        """End what fires by a rule that is no more, or that judges otherwise now."""
        return end_by_rule(state, turnover, moment)

    def tagged(self, state: State, node_id: str) -> State:
        """Nothing: rules are chosen anew with every window."""
        del node_id
        return state

    def encoded(self, memory: Any) -> StoredModel:  # noqa: ANN401 - a Memory
        """Return a memory as it is stored."""
        standing = memory.standing.stored()
        return StoredModel(
            memory.fleet, memory.node_id, memory.model, memory.since, memory.heard, memory.slots, standing
        )

    def decoded(self, stored: Any) -> tuple[str, Memory]:  # noqa: ANN401 - a StoredModel
        """Return the key and the memory of ``encoded``."""
        standing = stored.standing.restored()
        return "\x1f".join(stored[:3]), Memory(
            stored.fleet, stored.node_id, stored.model, stored.since, stored.heard, stored.slots, standing
        )


def _judged(state: State, key: str, memory: Memory, moment: Moment) -> tuple[State, Told]:
    silent = state.clock.ran - memory.heard
    if silent >= FORGET_US:
        return state._replace(subjects=state.subjects.delete(key)), ()
    if silent >= QUIET_US:
        standing, told = memory.standing.over(moment, "no_reading")
        after = memory._replace(slots=(), standing=standing)
        return state._replace(subjects=state.subjects.set(key, after)), told
    fleet, node_id, model = memory[:3]
    plan = _index(state.rules).plan(fleet, node_id, tags_of(state, node_id), (model,))
    subject = Subject(f"{node_id or fleet}/{model}", fleet, node_id, model)
    span = Span(memory.slots, moment.at, memory.since)
    work = Work(memory.standing, subject, moment, state.room)
    standing = work.done(plan, [read(span) for read in plan.readers])
    subjects = state.subjects.set(key, memory._replace(standing=standing))
    full = state.full or bool(work.refused)
    return state._replace(subjects=subjects, living=state.living + work.begun, full=full), tuple(work.told)


def _index(rules: Rules) -> Index:
    if rules.index is None:
        rules.index = Index(rules.active(), reading_of, reader)
    index: Index = rules.index
    return index
