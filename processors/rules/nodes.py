"""Rules about node states: a rule is judged with every state of every node it selects."""

from typing import Any, NamedTuple

from processors.rules.judge import Told
from processors.rules.life import Moment, Subject, end
from processors.rules.plans import Index, Plan, names_of
from processors.rules.readings import reader, reading_of
from processors.rules.rules import Rules, Turnover
from processors.rules.state import State, tags_of
from processors.rules.work import SECOND_US, Standing, StoredStanding, Work
from schemas.codec import Event
from schemas.events.condition_changed import ConditionChanged
from schemas.events.node_state import NodeState
from schemas.rule_fields import Source

# As long as the fleet waits before it calls a node offline: then what it fired is over.
GONE_US = 300 * SECOND_US
FORGET_US = 7 * 24 * 3600 * SECOND_US


class Memory(NamedTuple):
    """What is known of one node. ``models``: loaded, where rules select by them. ``heard``: by the clock."""

    node_id: str
    fleet: str
    models: tuple[str, ...]
    heard: int
    standing: Standing

    @property
    def living(self) -> int:
        """How many lives it has."""
        return len(self.standing.lives)


class StoredNode(NamedTuple):
    """A memory as bytes."""

    node_id: str
    fleet: str
    models: tuple[str, ...]
    heard: int
    standing: StoredStanding


class NodeJudge:
    """Judges node states."""

    source: Source = "node-states"
    stored = StoredNode
    passed_over = frozenset[str]()

    def take(self, state: State, event: Event) -> tuple[State, Told] | None:
        """Return the state after a node state, and what follows; None: the event is of another kind."""
        if not isinstance(event, NodeState):
            return None
        memory = state.subjects.get(event.node_id)
        if memory is None:
            if not state.rules.known:
                return state, ()
            memory = Memory(event.node_id, "", (), 0, Standing(event.occurred_at))
        plan, models = _plan(state, memory, event)
        before: Standing = memory.standing
        if plan is before.plan and not plan.readers:
            return state, ()
        subject = Subject(event.node_id, event.fleet, event.node_id)
        moment = Moment(event.occurred_at, event.occurred_at, event.arrived_at, event.id)
        work = Work(before, subject, moment, state.room)
        standing = work.done(plan, [read(event) for read in plan.readers])
        ran = state.clock.ran
        after = Memory(event.node_id, event.fleet, models, ran, standing)
        told_at = state.told_at if standing.lives is before.lives else ran
        subjects = state.subjects.set(event.node_id, after)
        living, full = state.living + work.begun, bool(work.refused) or (state.full and work.begun >= 0)
        after_all = State(state.rules, subjects, state.tags, state.clock, told_at, state.window, living, full)
        return after_all, tuple(work.told)

    def passed(self, state: State, moment: Moment) -> tuple[State, Told]:
        """End what fires for nodes that have been silent for too long; forget those silent for a week."""
        ran = state.clock.ran
        silent = [one for one in state.subjects.values() if ran - one.heard >= GONE_US]
        told: list[ConditionChanged] = []
        subjects = state.subjects
        for memory in sorted(silent, key=lambda one: one.node_id):
            if ran - memory.heard >= FORGET_US:
                subjects = subjects.delete(memory.node_id)
            elif memory.standing.lives:
                standing, ended = memory.standing.over(moment, "node_gone")
                told += ended
                subjects = subjects.set(memory.node_id, memory._replace(standing=standing))
        if subjects is state.subjects:
            return state, ()
        return state._replace(subjects=subjects, told_at=ran), tuple(told)

    def turned(self, state: State, turnover: Turnover, moment: Moment) -> tuple[State, Told]:
        """End what fires by a rule that is no more, or that judges otherwise now."""
        return end_by_rule(state, turnover, moment)

    def tagged(self, state: State, node_id: str) -> State:
        """Have the rules of a node chosen anew with its next state; those that still concern it go on."""
        memory = state.subjects.get(node_id)
        if memory is None:
            return state
        return state._replace(subjects=state.subjects.set(node_id, memory._replace(fleet="")))

    def encoded(self, memory: Any) -> StoredNode:  # noqa: ANN401 - a Memory; other judges have others
        """Return a memory as it is stored."""
        return StoredNode(memory.node_id, memory.fleet, memory.models, memory.heard, memory.standing.stored())

    def decoded(self, stored: Any) -> tuple[str, Memory]:  # noqa: ANN401 - a StoredNode
        """Return the key and the memory of ``encoded``."""
        standing = stored.standing.restored()
        return stored.node_id, Memory(stored.node_id, stored.fleet, stored.models, stored.heard, standing)


def _plan(state: State, memory: Memory, event: NodeState) -> tuple[Plan, tuple[str, ...]]:
    """Return the plan of a node, and its models if they matter: the one it has, unless something is new."""
    index = _index(state.rules)
    models = names_of(event.models) if index.by_models else ()
    plan = memory.standing.plan
    if plan.index is not index or memory.fleet != event.fleet or memory.models != models:
        plan = index.plan(event.fleet, event.node_id, tags_of(state, event.node_id), models)
    return plan, models


def _index(rules: Rules) -> Index:
    if rules.index is None:
        rules.index = Index(rules.active(), reading_of, reader)
    index: Index = rules.index
    return index


def end_by_rule(state: State, turnover: Turnover, moment: Moment) -> tuple[State, Told]:
    """End what fires by a rule that is no more, or that judges otherwise now, for every subject."""
    rule = turnover.before
    if rule is None or not turnover.reason:
        return state, ()
    told: list[ConditionChanged] = []
    subjects = state.subjects
    for key, memory in sorted(subjects.items()):
        life = memory.standing.lives.get(rule.id)
        if life is not None:
            told += end(life, moment, turnover.reason)[1]
            subjects = subjects.set(key, memory._replace(standing=memory.standing.without(rule.id)))
    return state._replace(subjects=subjects, told_at=state.clock.ran), tuple(told)
