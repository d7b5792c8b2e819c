"""The life of an alert: opened, updated, resolved, each when it is due; every event carries all of it."""

from typing import NamedTuple

from processors.fleet.alert import FleetAlert, NodeAlert
from processors.fleet.state import AlertLife
from processors.patterns.lifecycle import (
    EVIDENCE_US,
    FOREVER,
    UPDATE_US,
    deciding,
    material,
    severity_told,
)
from processors.patterns.pattern import SEVERITIES, Judgement
from processors.patterns.turning import AT_REST, Timing, Turn, turn
from schemas.events.alert import Alert, AlertOpened, AlertResolved, AlertUpdated
from schemas.events.operator_action import OperatorAction
from schemas.ids import derived_id

Told = tuple[AlertOpened | AlertUpdated | AlertResolved, ...]


class Moment(NamedTuple):
    """What a judgement belongs to: the fleet, the node (empty: several), and the log time."""

    fleet: str
    node_id: str
    at: int


def follow(
    life: AlertLife, alert: NodeAlert | FleetAlert, judgement: Judgement, moment: Moment, timing: Timing
) -> tuple[AlertLife, Told]:
    """Return the life after one judgement, and what is to be told."""
    expired: Told = ()
    if life.open:
        life, expired = _expired(life, moment.at)
    timer, what = turn(life.timer, judgement.holds, moment.at, timing, is_open=bool(life.open))
    if what is Turn.OPEN and not life.silenced:
        return _opened(life, alert, judgement, moment, timer.holds_since)
    if what is Turn.HOLDS:
        life, told = _held(life._replace(timer=timer), alert, judgement, moment.at)
    elif what is Turn.CLEARED:
        life, told = end(life, moment.at, "cleared")
    elif what is Turn.NO_READING:
        life, told = end(life, moment.at, "no_reading")
    else:
        silenced = life.silenced and judgement.holds is not False
        life, told = life._replace(timer=timer, silenced=silenced), ()
    return life, (*expired, *told)


def end(life: AlertLife, at: int, reason: str) -> tuple[AlertLife, Told]:
    """End what is open, whatever the summaries say."""
    over = AlertLife(life.alert, life.subject, silenced=reason == "operator" or life.silenced)
    if not life.open:
        return over, ()
    now = _at(life.open[0], at)
    resolved = AlertResolved._make(
        _revised(now._replace(severity=now.peak_severity), "alert_resolved", reason)
    )
    return over, (resolved,)


def act(life: AlertLife, action: OperatorAction, at: int) -> tuple[AlertLife, Told]:
    """Return the life after an operator's action on its open alert; nothing told where it changes nothing."""
    one = life.open[0]
    if action.action == "resolve":
        return end(life, at, "operator")
    if action.action == "acknowledge":
        after = one._replace(acknowledged_by=action.by, acknowledged_until=action.expires_at)
    elif action.action == "dismiss":
        after = one._replace(dismissed_until=action.expires_at or FOREVER)
    else:
        after = one._replace(acknowledged_by="", acknowledged_until=0, dismissed_until=0)
    return (life, ()) if after == one else _told(life, _at(after, at), "operator", at)


def _opened(
    life: AlertLife, alert: NodeAlert | FleetAlert, judgement: Judgement, moment: Moment, since: int
) -> tuple[AlertLife, Told]:
    alert_id = derived_id("alert", alert.id, moment.fleet, life.subject, since)
    opened = AlertOpened(
        derived_id("alert_opened", alert_id, 0),
        alert_id,
        moment.fleet,
        alert.id,
        moment.node_id,
        moment.at,
        since,
        0,
        judgement.severity,
        judgement.severity,
        judgement.confidence,
        alert.action,
        judgement.text,
        alert.recommendation,
        judgement.subjects,
        judgement.observations,
        judgement.evidence,
        "",
        0,
        0,
        (moment.at - since) / 1e6,
        "opened",
    )
    value = deciding(opened.evidence)
    life = AlertLife(life.alert, life.subject, told_at=moment.at, told=value, open=(Alert._make(opened),))
    return life, (opened,)


def _held(
    life: AlertLife, alert: NodeAlert | FleetAlert, judgement: Judgement, at: int
) -> tuple[AlertLife, Told]:
    before = life.open[0]
    peak = max(before.peak_severity, judgement.severity, key=SEVERITIES.index)
    now = _at(before, at)._replace(
        severity=judgement.severity,
        peak_severity=peak,
        confidence=judgement.confidence,
        text=judgement.text,
        members=judgement.subjects,
        observations=judgement.observations,
        evidence=judgement.evidence,
    )
    reason = _worth_telling(life, now, at, retold=alert.retold)
    return _told(life, now, reason, at) if reason else (life, ())


def _worth_telling(life: AlertLife, now: Alert, at: int, *, retold: bool) -> str:
    before = life.open[0]
    waited_us = max(0, at - life.told_at)
    if severity_told(before.severity, now.severity, waited_us):
        return "severity"
    if now.members != before.members and waited_us >= UPDATE_US:
        return "members"
    if retold and waited_us >= EVIDENCE_US and material(life.told, now.evidence):
        return "evidence"
    return ""


def _expired(life: AlertLife, at: int) -> tuple[AlertLife, Told]:
    """Take back what an operator said until now."""
    one = after = life.open[0]
    if 0 < one.acknowledged_until <= at:
        after = after._replace(acknowledged_by="", acknowledged_until=0)
    if 0 < one.dismissed_until <= at:
        after = after._replace(dismissed_until=0)
    return (life, ()) if after == one else _told(life, _at(after, at), "expired", at)


def _told(life: AlertLife, now: Alert, reason: str, at: int) -> tuple[AlertLife, Told]:
    updated = AlertUpdated._make(_revised(now, "alert_updated", reason))
    life = life._replace(told_at=at, told=deciding(now.evidence), open=(Alert._make(updated),))
    return life, (updated,)


def _revised(now: Alert, kind: str, reason: str) -> Alert:
    revision = now.revision + 1
    return now._replace(id=derived_id(kind, now.alert_id, revision), revision=revision, reason=reason)


def _at(alert: Alert, at: int) -> Alert:
    return alert._replace(occurred_at=at, duration_s=max(0, at - alert.onset_at) / 1e6)


def untouched(life: AlertLife) -> bool:
    """Return whether nothing is remembered of it."""
    return not life.open and not life.silenced and life.timer == AT_REST
