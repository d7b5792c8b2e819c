"""Rules about observations and alerts: they hold from opened to resolved, unless an operator dismisses them.

Timers go by log time, as watermarks tell it: between two events of an observation nothing else comes.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

import immutables

from processors.rules import life as lives_of
from processors.rules.finding import Finding, finding_of
from processors.rules.judge import Told
from processors.rules.judging import NEVER
from processors.rules.life import Life, Moment, Outcome, Subject
from processors.rules.rule import Rule, selects
from processors.rules.rules import Rules, Turnover
from processors.rules.state import State, tags_of
from schemas.codec import Event
from schemas.events.alert import Alert
from schemas.events.condition_changed import ConditionChanged, Label
from schemas.events.observation import Observation
from schemas.events.reading import NAN
from schemas.rule_document import RuleDocument, Selection
from schemas.rule_fields import Source

# What is always followed: while a node is offline, all else about it waits. See the notify stage.
OFFLINE = "~node-offline"
_OFFLINE_DOCUMENT = RuleDocument.model_construct(
    id=OFFLINE, name="node is offline", source="alerts", select=Selection(alerts=("node_offline",))
)


class Memory(NamedTuple):
    """What is open, and the lives of the rules about it. ``due``: no timer is over before, by the clock."""

    finding: Finding
    due: int
    lives: "immutables.Map[str, Life]"

    @property
    def living(self) -> int:
        """How many lives it has."""
        return len(self.lives)


class StoredFinding(NamedTuple):
    """A memory as bytes."""

    finding: Finding
    due: int
    lives: tuple[Life, ...]


_NOBODY: "immutables.Map[str, Life]" = immutables.Map()


class FindingJudge:
    """Judges observations, or alerts."""

    stored = StoredFinding
    passed_over = frozenset[str]()

    def __init__(self, source: Source) -> None:
        self.source: Source = source

    def take(self, state: State, event: Event) -> tuple[State, Told] | None:
        """Return the state after something was opened, updated or resolved; None: another kind of event."""
        if not isinstance(event, Observation | Alert):
            return None
        finding = finding_of(event)
        # An alert is judged by log time; of an observation it is known as of the watermark before.
        logged_at = event.occurred_at if isinstance(event, Alert) else state.clock.log_time(event.occurred_at)
        moment = Moment(_soonest(state), event.occurred_at, logged_at, event.id)
        memory = state.subjects.get(finding.finding_id) or Memory(finding, NEVER, _NOBODY)
        memory = memory._replace(finding=finding)
        if finding.over:
            return self._over(state, memory, moment, event.reason)
        after, told = self._followed(state, memory, moment)
        return _with(state, after, told), told

    def passed(self, state: State, moment: Moment) -> tuple[State, Told]:
        """Go on with the lives whose time is over."""
        ran = state.clock.ran
        due = [memory for memory in state.subjects.values() if memory.due <= ran]
        told: list[ConditionChanged] = []
        for memory in sorted(due, key=lambda one: one.finding.finding_id):
            work = _Work(memory, moment)
            for rule_id, life in sorted(memory.lives.items()):
                if life.due and life.due <= ran:
                    rule = self._index(state.rules).by_id[rule_id]
                    work.take(rule_id, _overdue(rule, life, work.subject, moment))
            state = _with(state, work.done(), work.told)
            told += work.told
        return state, tuple(told)

    def turned(self, state: State, turnover: Turnover, moment: Moment) -> tuple[State, Told]:
        """End what fires by the rule of before, and judge what is open by the one of after."""
        before, after = turnover.before, turnover.after
        told: list[ConditionChanged] = []
        for _, memory in sorted(state.subjects.items()):
            work = _Work(memory, moment)
            if before is not None and turnover.reason and before.id in memory.lives:
                work.take(before.id, lives_of.end(memory.lives[before.id], moment, turnover.reason))
            if after is not None and after.document.enabled and after.id not in work.lives:
                self._begin(state, work, after)
            if work.lives is not memory.lives:
                state = _with(state, work.done(), work.told)
                told += work.told
        return state, tuple(told)

    def tagged(self, state: State, node_id: str) -> State:
        """Nothing: tags count when something is opened or updated."""
        del node_id
        return state

    def encoded(self, memory: Any) -> StoredFinding:  # noqa: ANN401 - a Memory
        """Return a memory as it is stored."""
        lives = tuple(life for _, life in sorted(memory.lives.items()))
        return StoredFinding(memory.finding, memory.due, lives)

    def decoded(self, stored: Any) -> tuple[str, Memory]:  # noqa: ANN401 - a StoredFinding
        """Return the key and the memory of ``encoded``."""
        lives = immutables.Map({life.rule_id: life for life in stored.lives})
        return stored.finding.finding_id, Memory(stored.finding, stored.due, lives)

    def _followed(self, state: State, memory: Memory, moment: Moment) -> tuple[Memory, Told]:
        work = _Work(memory, moment)
        index = self._index(state.rules)
        for rule_id, life in sorted(memory.lives.items()):
            rule = index.by_id[rule_id]
            if _concerns(state, rule, memory.finding):
                work.take(rule_id, _holding(rule, life, work.subject, moment))
            else:
                reason = "dismissed" if memory.finding.dismissed else "unselected"
                work.take(rule_id, lives_of.end(life, moment, reason))
        for rule in index.about(memory.finding.of):
            if rule.id not in memory.lives:
                self._begin(state, work, rule)
        return work.done(), tuple(work.told)

    def _begin(self, state: State, work: "_Work", rule: Rule) -> None:
        if _concerns(state, rule, work.memory.finding):
            work.take(rule.id, lives_of.begin(rule, work.subject, work.moment))

    def _over(self, state: State, memory: Memory, moment: Moment, reason: str) -> tuple[State, Told]:
        """End what it was about. A rule that keeps firing does so for as long as it says."""
        work = _Work(memory, moment)
        index = self._index(state.rules)
        gone = reason in ("node_gone", "no_reading")
        for rule_id, life in sorted(memory.lives.items()):
            ended = (
                lives_of.end(life, moment, reason)
                if gone
                else lives_of.clear(life, index.by_id[rule_id], moment)
            )
            work.take(rule_id, ended)
        if memory.finding.finding_id not in state.subjects:
            return state, ()
        return _with(state, work.done(), work.told), tuple(work.told)

    def _index(self, rules: Rules) -> "_Index":
        if rules.index is None:
            always = [_offline()] if self.source == "alerts" else []
            rules.index = _Index([*rules.active(), *always])
        index: _Index = rules.index
        return index


class _Work:
    """One event of one finding in the making."""

    __slots__ = ("lives", "memory", "moment", "subject", "told")

    def __init__(self, memory: Memory, moment: Moment) -> None:
        finding = memory.finding
        label = Label("pattern" if finding.is_observation else "alert", finding.of)
        self.memory = memory
        self.moment = moment
        self.subject = Subject(
            finding.finding_id,
            finding.fleet,
            finding.node_id,
            onset_at=finding.onset_at,
            severity=finding.severity,
            text=finding.text,
            labels=(label,),
            taken_by=finding.acknowledged_by,
        )
        self.lives = memory.lives
        self.told: list[ConditionChanged] = []

    def take(self, rule_id: str, outcome: Outcome) -> None:
        """Take in what has become of a life."""
        life, told = outcome
        self.told += told
        if life is not None:
            self.lives = self.lives.set(rule_id, life)
        elif rule_id in self.lives:
            self.lives = self.lives.delete(rule_id)

    def done(self) -> Memory:
        """Return the memory after it."""
        due = min((life.due for life in self.lives.values() if life.due), default=NEVER)
        return Memory(self.memory.finding, due, self.lives)


class _Index:
    """The rules by id, and by the pattern or alert they are about."""

    __slots__ = ("_any", "_by_name", "by_id")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.by_id = {rule.id: rule for rule in rules}
        self._any: list[Rule] = []
        self._by_name: dict[str, list[Rule]] = defaultdict(list)
        for rule in self.by_id.values():
            names = _names(rule)
            for name in names:
                self._by_name[name].append(rule)
            if not names:
                self._any.append(rule)

    def about(self, name: str) -> list[Rule]:
        """Return the rules about a pattern or alert, by id."""
        return sorted((*self._by_name.get(name, ()), *self._any), key=lambda rule: rule.id)


def _names(rule: Rule) -> set[str]:
    select = rule.document.select
    return {*select.patterns, *select.alerts}


def _concerns(state: State, rule: Rule, finding: Finding) -> bool:
    if finding.dismissed or finding.over:
        return False
    select = rule.document.select
    names = _names(rule)
    if (names and finding.of not in names) or (
        select.severities and finding.severity not in select.severities
    ):
        return False
    return selects(select, finding.fleet, finding.node_id, tags_of(state, finding.node_id))


def _holding(rule: Rule, life: Life, subject: Subject, moment: Moment) -> Outcome:
    """Return the life of what is still open; what has changed of what was told is told again."""
    life = lives_of.hold(life)
    return lives_of.retell(life, rule, subject, moment) if life.open else (life, ())


def _overdue(rule: Rule, life: Life, subject: Subject, moment: Moment) -> Outcome:
    if life.phase == "pending":
        return lives_of.fire(life, rule, subject, moment)
    return lives_of.end(life, moment, "cleared")


def _soonest(state: State) -> int:
    """Return the log time at which an event came, at the latest: watermarks tell it to the next one."""
    return state.clock.ran + state.clock.interval


def _with(state: State, memory: Memory, told: Iterable[ConditionChanged]) -> State:
    """Return the state with a memory; one of what is over and has no life left is dropped."""
    finding = memory.finding
    if finding.over and not memory.lives:
        subjects = state.subjects.delete(finding.finding_id)
    else:
        subjects = state.subjects.set(finding.finding_id, memory)
    told_at = state.clock.ran if tuple(told) else state.told_at
    return state._replace(subjects=subjects, told_at=told_at)


def _offline() -> Rule:
    return Rule(OFFLINE, 1, _OFFLINE_DOCUMENT, "", "", "", None, NAN, NAN, "", 0, 0, 0)
