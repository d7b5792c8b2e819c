"""How the rules stand for one subject, and what one reading of it changes.

A value that moves touches only the rules between where it was and where it is. A reading that is missing
changes nothing: the last one that there was stands, so a crossing is seen across a gap, and what fires goes
on. Timers go by the subject's own time, of which a gap counts for ``GAP_US`` at most: a step of a clock, or a
silence, is no time for which anything has held.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

import immutables

from processors.rules import life as lives_of
from processors.rules.judging import NEVER, judge, overdue
from processors.rules.life import Life, Moment, Outcome, Subject
from processors.rules.plans import Place, Plan, bare
from processors.rules.rule import Rule, Value
from schemas.events.condition_changed import ConditionChanged, Label
from schemas.events.reading import NAN

SECOND_US = 1_000_000
GAP_US = 30 * SECOND_US

Told = tuple[ConditionChanged, ...]
NOBODY: "immutables.Map[str, Life]" = immutables.Map()


class Standing(NamedTuple):
    """The last readings of a subject, in the order of its plan, and the lives of its rules.

    ``at``: the subject's time, µs. ``due``: no timer of a life is over before that. ``unjudged``: rules that
    are new here and whose reading has been missing since; not stored, for after a restart every rule is new.
    """

    at: int
    due: int = NEVER
    plan: Plan = bare(())
    values: tuple[Value, ...] = ()
    lives: "immutables.Map[str, Life]" = NOBODY
    unjudged: tuple[Place, ...] = ()

    def stored(self) -> "StoredStanding":
        """Return it as it is stored."""
        known = sorted(zip(self.plan.keys, self.values, strict=True))
        numbers = tuple(Number(key, value) for key, value in known if isinstance(value, float))
        words = tuple(Label(key, value) for key, value in known if isinstance(value, str))
        lives = tuple(life for _, life in sorted(self.lives.items()))
        return StoredStanding(self.at, self.due, numbers, words, lives)

    def without(self, rule_id: str) -> "Standing":
        """Return it without the life of a rule."""
        return self._replace(lives=self.lives.delete(rule_id))

    def over(self, moment: Moment, reason: str) -> tuple["Standing", Told]:
        """End every life. The readings stay; the rules are judged anew with the next."""
        told: list[ConditionChanged] = []
        for _, life in sorted(self.lives.items()):
            told += lives_of.end(life, moment, reason)[1]
        after = self._replace(due=NEVER, plan=bare(self.plan.keys), lives=NOBODY, unjudged=())
        return after, tuple(told)


class Number(NamedTuple):
    """A reading that is a number."""

    key: str
    value: float


class StoredStanding(NamedTuple):
    """A standing as bytes."""

    at: int
    due: int
    numbers: tuple[Number, ...]
    words: tuple[Label, ...]
    lives: tuple[Life, ...]

    def restored(self) -> Standing:
        """Return the standing of ``Standing.stored``."""
        known: dict[str, Value] = {one.key: one.value for one in self.numbers}
        known |= {one.name: one.value for one in self.words}
        keys = tuple(sorted(known))
        lives = immutables.Map({life.rule_id: life for life in self.lives})
        return Standing(self.at, self.due, bare(keys), tuple(known[key] for key in keys), lives)


class Work:
    """One reading of one subject in the making.

    ``room``: how many lives may begin. What is ``refused`` for want of it is judged again with every reading.
    """

    __slots__ = ("before", "due", "lives", "moment", "refused", "room", "subject", "told")

    def __init__(self, standing: Standing, subject: Subject, moment: Moment, room: int) -> None:
        self.before = standing
        self.room = room
        self.refused: list[str] = []
        self.subject = subject
        self.moment = moment
        self.lives = standing.lives
        self.due = standing.due
        self.told: list[ConditionChanged] = []

    def done(self, plan: Plan, values: list[Value]) -> Standing:
        """Return how the rules of a plan stand after new values, one for each of its readings."""
        standing, at = self.before, self.moment.at
        gap = at - standing.at
        if self.due != NEVER and not 0 <= gap <= GAP_US:
            self._shift(gap - GAP_US if gap > 0 else gap)
        known = plan is standing.plan
        before = standing.values if known else self._replanned(plan)
        missing = self._judge_moved(plan, before, values)
        new = standing.unjudged if known else self._new(plan)
        unjudged = self._judge_new(new, before, values, missing) if new else ()
        if self.due <= at:
            self._judge_due(plan, values, missing)
        if self.refused:
            unjudged = (*unjudged, *(plan.places[rule_id] for rule_id in sorted(set(self.refused))))
        return Standing(at, self.due, plan, tuple(values), self.lives, unjudged)

    @property
    def begun(self) -> int:
        """How many more lives there are than before."""
        return len(self.lives) - len(self.before.lives)

    def _replanned(self, plan: Plan) -> tuple[Value, ...]:
        """End what no longer concerns the node, and return its last readings in the order of the plan."""
        for rule_id, life in sorted(self.lives.items()):
            if rule_id not in plan.places:
                self._take(rule_id, lives_of.end(life, self.moment, "unselected"))
        known = dict(zip(self.before.plan.keys, self.before.values, strict=True))
        return tuple(known.get(key, NAN) for key in plan.keys)

    def _new(self, plan: Plan) -> tuple[Place, ...]:
        """Return what the plan has that this subject was not judged by."""
        unjudged = {place.rule.id for place in self.before.unjudged}
        fresh = plan.fresh(self.before.plan)
        if not unjudged:
            return fresh
        unjudged.difference_update(place.rule.id for place in fresh)
        return (*fresh, *(plan.places[rule_id] for rule_id in sorted(unjudged) if rule_id in plan.places))

    def _judge_moved(self, plan: Plan, before: tuple[Value, ...], values: list[Value]) -> Collection[int]:
        """Judge what has moved. What is missing is put back as it was; return the numbers of those."""
        missing = []
        for number, now in enumerate(values):
            was = before[number]
            if now == was:
                continue
            if now != now:
                missing.append(number)
                values[number] = was
                continue
            for rule in plan.ladders[number].touched(was, now):
                self._judge(rule, was, now)
        return missing

    def _judge_new(
        self, new: Iterable[Place], before: tuple[Value, ...], values: list[Value], missing: Collection[int]
    ) -> tuple[Place, ...]:
        """Judge rules for the first time, where nothing has moved too; return those without a reading yet."""
        unjudged = []
        for place in new:
            rule, number = place
            if number in missing or values[number] != values[number]:
                unjudged.append(place)
            elif rule.op != "changed":
                self._judge(rule, before[number], values[number])
        return tuple(unjudged)

    def _judge_due(self, plan: Plan, values: list[Value], missing: Collection[int]) -> None:
        """Go on with the lives whose time is over, and find out when the next one's is."""
        at = self.moment.at
        for rule_id, life in sorted(self.lives.items()):
            if life.due and life.due <= at:
                rule, number = plan.places[rule_id]
                now = NAN if number in missing else values[number]
                self._take(rule_id, overdue(rule, life, self.subject, self.moment, now))
        self.due = min((life.due for life in self.lives.values() if life.due), default=NEVER)

    def _judge(self, rule: Rule, was: Value, now: Value) -> None:
        life = self.lives.get(rule.id)
        self._take(rule.id, judge(rule, life, self.subject, self.moment, was, now))

    def _take(self, rule_id: str, outcome: Outcome) -> None:
        life, told = outcome
        if life is not None and rule_id not in self.lives and self.begun >= self.room:
            self.refused.append(rule_id)
            return
        self.told += told
        if life is None:
            if rule_id in self.lives:
                self.lives = self.lives.delete(rule_id)
        elif life is not self.lives.get(rule_id):
            self.lives = self.lives.set(rule_id, life)
            if life.due:
                self.due = min(self.due, life.due)

    def _shift(self, by_us: int) -> None:
        """Move the timers along with a node's time that has stood still or gone back."""
        for rule_id, life in self.lives.items():
            if life.due:
                self.lives = self.lives.set(rule_id, life._replace(due=life.due + by_us))
        self.due += by_us
