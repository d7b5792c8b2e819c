"""The life of an observation, the same for every pattern: opened, updated, resolved, each when it is due.

When it opens and ends is decided in ``turning.py``; here is what is told of it, and when it is told again.
Every event carries the whole observation, so a reader needs the newest alone.
"""

from typing import NamedTuple

from processors.patterns.pattern import HINTS, SEVERITIES, Judgement, Pattern
from processors.patterns.state import Life
from processors.patterns.turning import SECOND_US, Timing, Turn, turn
from schemas.events.observation import (
    Evidence,
    Observation,
    ObservationOpened,
    ObservationResolved,
    ObservationUpdated,
    RoutingHint,
    Severity,
)
from schemas.ids import derived_id

# A worse severity is told at once; anything else no more often than this.
UPDATE_US = 60 * SECOND_US
# The deciding value is told again when it has moved by this share of itself or of its threshold.
MATERIAL = 0.25
EVIDENCE_US = 300 * SECOND_US
# A dismissal without an end: 31 December 9999, which every reader of the event can represent.
FOREVER = 253_402_214_400 * SECOND_US

Told = tuple[ObservationOpened | ObservationUpdated | ObservationResolved, ...]


class Moment(NamedTuple):
    """What a judgement belongs to: the node, the end of the newest pane, the window, the rules in force."""

    node_id: str
    fleet: str
    at: int
    window_started_at: int
    coverage: float
    thresholds: str


def follow(
    life: Life, pattern: Pattern, judgement: Judgement, moment: Moment, timing: Timing
) -> tuple[Life, Told]:
    """Return the life after one judgement, and what is to be told."""
    expired: Told = ()
    if life.open:
        life, expired = _expired(life, moment)
    timer, what = turn(life.timer, judgement.holds, moment.at, timing, is_open=bool(life.open))
    if what is Turn.OPEN and not life.silenced:
        return _opened(life, pattern, judgement, moment, timer.holds_since)
    if what is Turn.HOLDS:
        life, told = _held(life._replace(timer=timer), pattern, judgement, moment)
    elif what is Turn.CLEARED:
        life, told = end(life, moment, "cleared")
    elif what is Turn.NO_READING:
        life, told = end(life, moment, "no_reading")
    else:
        silenced = life.silenced and judgement.holds is not False
        life, told = life._replace(timer=timer, silenced=silenced), ()
    return life, (*expired, *told)


def end(life: Life, moment: Moment, reason: str) -> tuple[Life, Told]:
    """End what is open, whatever the readings say."""
    if not life.open:
        return Life(life.pattern, silenced=life.silenced), ()
    now = _at(life.open[0], moment)
    now = now._replace(severity=now.peak_severity, evidence=now.peak_evidence)
    resolved = ObservationResolved._make(_revised(now, "observation_resolved", reason))
    return Life(life.pattern, silenced=reason == "operator"), (resolved,)


def change(life: Life, moment: Moment, reason: str, **changed: str | int) -> tuple[Life, Told]:
    """Change what an operator may change, and tell it; nothing where it is so already."""
    before = life.open[0]
    after = _at(before, moment)._replace(**changed)  # type: ignore[arg-type]
    if all(getattr(before, name) == value for name, value in changed.items()):
        return life, ()
    return _told(life, after, reason, moment.at)


def hint_of(lives: tuple[Life, ...], at: int) -> tuple[RoutingHint, str, str]:
    """Return the strongest hint of what is open and not dismissed, its pattern and its observation."""
    strongest: tuple[int, int, str] = (0, 0, "")
    chosen: Observation | None = None
    for life in lives:
        for one in life.open:
            rank = HINTS.index(one.routing_hint), SEVERITIES.index(one.severity), life.pattern
            if rank[0] and not dismissed(one, at) and (chosen is None or rank > strongest):
                strongest, chosen = rank, one
    return (
        ("clear", "", "") if chosen is None else (chosen.routing_hint, chosen.pattern, chosen.observation_id)
    )


def dismissed(observation: Observation, at: int) -> bool:
    """Return whether an operator has said not to show it, and still means it."""
    return observation.dismissed_until > at


def _opened(
    life: Life, pattern: Pattern, judgement: Judgement, moment: Moment, since: int
) -> tuple[Life, Told]:
    observation_id = derived_id("observation", pattern.id, moment.node_id, since)
    opened = ObservationOpened(
        derived_id("observation_opened", observation_id, 0),
        observation_id,
        moment.node_id,
        moment.fleet,
        pattern.id,
        moment.at,
        since,
        moment.window_started_at,
        0,
        judgement.severity,
        judgement.severity,
        judgement.confidence,
        moment.coverage,
        pattern.hints.get(judgement.severity, "monitor"),
        pattern.action,
        judgement.text,
        pattern.recommendation,
        judgement.subjects,
        judgement.evidence,
        judgement.evidence,
        moment.thresholds,
        "",
        0,
        0,
        (moment.at - since) / 1e6,
        "opened",
    )
    value = deciding(judgement.evidence)
    life = Life(life.pattern, told_at=moment.at, told=value, open=(Observation._make(opened),))
    return life, (opened,)


def _held(life: Life, pattern: Pattern, judgement: Judgement, moment: Moment) -> tuple[Life, Told]:
    before = life.open[0]
    now = _at(before, moment)._replace(
        severity=judgement.severity,
        confidence=judgement.confidence,
        coverage=moment.coverage,
        window_started_at=moment.window_started_at,
        routing_hint=pattern.hints.get(judgement.severity, "monitor"),
        text=judgement.text,
        subjects=judgement.subjects,
        evidence=judgement.evidence,
        thresholds=moment.thresholds,
    )
    now = _peaked(now, judgement)
    reason = _worth_telling(life, before, now, moment.at)
    return _told(life, now, reason, moment.at) if reason else (life._replace(open=(_kept(before, now),)), ())


def _kept(told: Observation, now: Observation) -> Observation:
    """Return what is remembered between two tellings: the last told, with the peak."""
    return told._replace(peak_severity=now.peak_severity, peak_evidence=now.peak_evidence)


def severity_told(before: Severity, now: Severity, waited_us: int) -> bool:
    """Return whether a change of severity is told: a worse one at once, a lesser one not too often."""
    worse = SEVERITIES.index(now) - SEVERITIES.index(before)
    return worse > 0 or (worse < 0 and waited_us >= UPDATE_US)


def _worth_telling(life: Life, before: Observation, now: Observation, at: int) -> str:
    waited_us = max(0, at - life.told_at)
    if severity_told(before.severity, now.severity, waited_us):
        return "severity"
    if now.subjects != before.subjects and waited_us >= UPDATE_US:
        return "evidence"
    if waited_us >= EVIDENCE_US and material(life.told, now.evidence):
        return "evidence"
    return ""


def material(told: float, evidence: tuple[Evidence, ...]) -> bool:
    """Return whether the deciding value has moved enough since it was told to be told again."""
    if not evidence:
        return False
    value, threshold = evidence[0].value, evidence[0].threshold
    size = max(abs(told), abs(threshold) if threshold == threshold else 0.0)
    return abs(value - told) > MATERIAL * size


def _peaked(now: Observation, judgement: Judgement) -> Observation:
    rank, peak = SEVERITIES.index(now.severity), SEVERITIES.index(now.peak_severity)
    if rank > peak or (rank == peak and _further(judgement.evidence, now.peak_evidence)):
        return now._replace(peak_severity=now.severity, peak_evidence=judgement.evidence)
    return now


def _further(evidence: tuple[Evidence, ...], peak: tuple[Evidence, ...]) -> bool:
    """Return whether the deciding value is further from its threshold than it was."""
    if not evidence or not peak:
        return False
    if evidence[0].comparison.startswith("<"):
        return evidence[0].value < peak[0].value
    return evidence[0].value > peak[0].value


def _expired(life: Life, moment: Moment) -> tuple[Life, Told]:
    """Take back what an operator said until now."""
    one = life.open[0]
    changed: dict[str, str | int] = {}
    if 0 < one.acknowledged_until <= moment.at:
        changed = {"acknowledged_by": "", "acknowledged_until": 0}
    if 0 < one.dismissed_until <= moment.at:
        changed["dismissed_until"] = 0
    return change(life, moment, "expired", **changed) if changed else (life, ())


def _told(life: Life, now: Observation, reason: str, at: int) -> tuple[Life, Told]:
    updated = ObservationUpdated._make(_revised(now, "observation_updated", reason))
    value = deciding(now.evidence)
    return life._replace(told_at=at, told=value, open=(Observation._make(updated),)), (updated,)


def _revised(now: Observation, kind: str, reason: str) -> Observation:
    revision = now.revision + 1
    return now._replace(id=derived_id(kind, now.observation_id, revision), revision=revision, reason=reason)


def _at(observation: Observation, moment: Moment) -> Observation:
    lasted_us = max(0, moment.at - observation.onset_at)
    return observation._replace(occurred_at=moment.at, duration_s=lasted_us / 1e6)


def deciding(evidence: tuple[Evidence, ...]) -> float:
    """Return the value that a telling stands on; 0 where there is none."""
    value = evidence[0].value if evidence else 0.0
    return value if value == value else 0.0
