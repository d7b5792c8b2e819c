"""A rule about one subject, from when it may fire until it is over: the same for every source.

Only what is not normal has a life. ``pending``: it holds, and not yet for long enough. ``firing``: it was
told. ``ending``: it no longer holds, and is told when that has lasted, or holds again before.
"""

from typing import Literal, NamedTuple

from processors.rules.rule import Rule, Value
from processors.rules.texts import sentence
from schemas.events.condition_changed import ACKNOWLEDGED, ConditionChanged, Label
from schemas.events.observation import Severity
from schemas.events.reading import NAN
from schemas.ids import derived_id

Phase = Literal["pending", "firing", "ending"]


class Moment(NamedTuple):
    """When something was judged, and by what.

    ``at``: the time that timers of this source go by, µs. ``arrived_at``: log time of the cause, as far as
    events tell it: the time at which the stage's own record was written would differ in a replay.
    """

    at: int
    occurred_at: int
    arrived_at: int
    cause_id: str


class Subject(NamedTuple):
    """What a rule is judged about. ``severity`` and ``text`` empty: the rule says it.

    ``taken_by``: who has acknowledged what was observed; empty: nobody.
    """

    name: str
    fleet: str
    node_id: str
    model: str = ""
    onset_at: int = 0
    severity: str = ""
    text: str = ""
    labels: tuple[Label, ...] = ()
    taken_by: str = ""

    @property
    def now(self) -> str:
        """The state that is told of it, where it has one."""
        return ACKNOWLEDGED if self.taken_by else ""


class Life(NamedTuple):
    """What is known of one rule about one subject. ``due``: when its phase is over, by ``Moment.at``.

    ``open`` is what was told last, where anything was.
    """

    rule_id: str
    phase: Phase
    since: int
    due: int
    open: tuple[ConditionChanged, ...] = ()


# A life that is over is None; what is told goes along.
Outcome = tuple[Life | None, tuple[ConditionChanged, ...]]


def begin(rule: Rule, subject: Subject, moment: Moment, value: Value = NAN, was: str = "") -> Outcome:
    """Return the life of what begins to hold, and what is told if it fires at once."""
    if rule.for_us:
        return Life(rule.id, "pending", moment.occurred_at, moment.at + rule.for_us), ()
    return fire(Life(rule.id, "pending", moment.occurred_at, 0), rule, subject, moment, value, was)


def fire(
    life: Life, rule: Rule, subject: Subject, moment: Moment, value: Value = NAN, was: str = ""
) -> Outcome:
    """Return the life after it has held for long enough."""
    told = _condition(life, rule, subject, moment, value, was)
    if rule.op == "changed":
        return Life(rule.id, "ending", life.since, _quiet_at(rule, moment), (told,)), (told,)
    return Life(rule.id, "firing", life.since, 0, (told,)), (told,)


def hold(life: Life) -> Life:
    """Return the life of what holds again before it was told that it is over."""
    return life._replace(phase="firing", due=0) if life.phase == "ending" else life


def clear(life: Life, rule: Rule, moment: Moment, value: Value = NAN) -> Outcome:
    """Return the life of what holds no longer."""
    if life.phase == "pending":
        return None, ()
    if life.phase == "ending":
        return life, ()
    if rule.keep_us:
        return life._replace(phase="ending", due=moment.at + rule.keep_us), ()
    return end(life, moment, "cleared", value)


def end(life: Life, moment: Moment, reason: str, value: Value = NAN) -> Outcome:
    """End a life, and tell it where its beginning was told."""
    if not life.open:
        return None, ()
    last = life.open[0]
    known = not isinstance(value, str) and value == value
    changed: dict[str, Value] = {"value": value} if known else {}
    return None, (_revised(last, "resolved", reason, moment, **changed),)


def change(life: Life, rule: Rule, subject: Subject, moment: Moment, value: Value, was: str) -> Outcome:
    """Tell of another change of what fires because it changed."""
    told = life.open[0]
    now = _condition(life, rule, subject, moment, value, was)
    told = _revised(told, "updated", "changed", moment, was=was, now=str(value), text=now.text)
    return life._replace(due=_quiet_at(rule, moment), open=(told,)), (told,)


def retell(life: Life, rule: Rule, subject: Subject, moment: Moment) -> Outcome:
    """Tell of what fires that its severity is another one, or that somebody has taken it on, or no more."""
    last = life.open[0]
    severity = _severity(rule, subject)
    if (severity, subject.now) == (last.severity, last.now):
        return life, ()
    reason = "severity" if severity != last.severity else subject.now or "reopened"
    told = _revised(last, "updated", reason, moment, severity=severity, was=last.now, now=subject.now)
    told = told._replace(text=_worded(rule, subject, told))
    return life._replace(open=(told,)), (told,)


def _quiet_at(rule: Rule, moment: Moment) -> int:
    """Return when a change is over: with the next reading at the earliest, for it is a moment."""
    return moment.at + max(1, rule.keep_us)


def _revised(
    last: ConditionChanged, state: str, reason: str, moment: Moment, **changed: Value
) -> ConditionChanged:
    revision = last.revision + 1
    return last._replace(
        id=derived_id("condition_changed", last.condition_id, revision),
        revision=revision,
        state=state,  # type: ignore[arg-type] # one of three literals
        reason=reason,
        cause_id=moment.cause_id,
        occurred_at=moment.occurred_at,
        arrived_at=moment.arrived_at,
        **changed,  # type: ignore[arg-type] # fields of the event
    )


def _condition(
    life: Life, rule: Rule, subject: Subject, moment: Moment, value: Value, was: str
) -> ConditionChanged:
    condition_id = derived_id("condition", rule.id, rule.revision, subject.name, life.since)
    number, now = (NAN, value) if isinstance(value, str) else (value, subject.now)
    condition = ConditionChanged(
        derived_id("condition_changed", condition_id, 0),
        condition_id,
        0,
        "firing",
        _reason(rule),
        rule.id,
        rule.revision,
        rule.name,
        rule.document.source,
        moment.cause_id,
        subject.fleet,
        subject.node_id,
        subject.model,
        subject.name,
        _severity(rule, subject),
        number,
        rule.threshold,
        was,
        now,
        subject.labels,
        "",
        moment.occurred_at,
        subject.onset_at or life.since,
        moment.arrived_at,
    )
    return condition._replace(text=_worded(rule, subject, condition))


def _severity(rule: Rule, subject: Subject) -> Severity:
    return rule.document.severity or subject.severity or "warning"  # type: ignore[return-value] # an event's


def _worded(rule: Rule, subject: Subject, condition: ConditionChanged) -> str:
    text = sentence(rule, condition, subject.text)
    return f"{text} (acknowledged by {subject.taken_by})" if subject.taken_by else text


def _reason(rule: Rule) -> str:
    if rule.op == "changed":
        return "changed"
    return "crossed" if rule.is_edge else "holds"
