"""One rule and one value of one subject: what becomes of its life."""

from processors.rules import life as lives
from processors.rules.life import Life, Moment, Outcome, Subject
from processors.rules.rule import Rule, Value

NEVER = 1 << 62


def judge(
    rule: Rule, life: Life | None, subject: Subject, moment: Moment, before: Value, now: Value
) -> Outcome:
    """Return the life after a reading. ``before``: the last one there was; NaN: there was none."""
    if rule.op == "changed":
        return _changed(rule, life, subject, moment, before, now)
    if life is None:
        return _unborn(rule, subject, moment, before, now)
    if life.phase == "firing":
        return (life, ()) if rule.lasts(now) else lives.clear(life, rule, moment, now)
    if rule.holds(now):
        return lives.hold(life), ()
    return lives.clear(life, rule, moment, now)


def overdue(rule: Rule, life: Life, subject: Subject, moment: Moment, now: Value) -> Outcome:
    """Return the life when the time of its phase is over. ``now`` NaN: there is no reading, so it waits."""
    if life.phase == "ending":
        return lives.end(life, moment, "quiet" if rule.op == "changed" else "cleared", now)
    if now != now:
        return life, ()
    return lives.fire(life, rule, subject, moment, now)


def _unborn(rule: Rule, subject: Subject, moment: Moment, before: Value, now: Value) -> Outcome:
    if not rule.holds(now) or (rule.is_edge and (before != before or rule.holds(before))):
        return None, ()
    return lives.begin(rule, subject, moment, now)


def _changed(
    rule: Rule, life: Life | None, subject: Subject, moment: Moment, before: Value, now: Value
) -> Outcome:
    if before != before or before == now:
        return life, ()
    if life is None:
        return lives.begin(rule, subject, moment, now, str(before))
    return lives.change(life, rule, subject, moment, now, str(before))
