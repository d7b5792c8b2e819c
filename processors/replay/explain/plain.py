"""An explanation as JSON: what the API answers and what ``penstock explain`` draws. Times are RFC 3339."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from processors.replay.explain.explanation import Explanation, Point, Said, Stretch
from processors.replay.explain.found import change_of
from schemas.events.alert import Alert
from schemas.events.observation import Evidence, Observation

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def plain(found: Explanation) -> dict[str, Any]:
    """Return all of it. ``deciding`` names the evidence that the judgement stands on."""
    first, last = found.first, found.last
    over = change_of(last) == "resolved"
    decided = first.evidence[0] if first.evidence else None
    return {
        "kind": found.kind,
        "id": found.id,
        "what": found.what,
        "title": found.title,
        "about": found.about,
        "node_id": found.node_id,
        "fleet": found.fleet,
        "members": list(first.members) if isinstance(first, Alert) else [],
        "observations": list(last.observations) if isinstance(last, Alert) else [],
        "severity": last.severity,
        "peak_severity": last.peak_severity,
        "text": last.text,
        "recommendation": last.recommendation,
        "onset_at": time(first.onset_at),
        "opened_at": time(first.occurred_at) if first.revision == 0 else None,
        "ended_at": time(last.occurred_at) if over else None,
        "ended_because": last.reason if over else "",
        "window_started_at": time(first.window_started_at) if isinstance(first, Observation) else None,
        "window_s": found.window_s,
        "for_s": found.for_s,
        "clear_s": found.clear_s,
        "source": found.source,
        "recorded": found.recorded,
        "deciding": None if decided is None else _evidence(decided),
        "evidence": [_evidence(one) for one in first.evidence],
        "points": [_point(point) for point in found.points],
        "limits": [limit._asdict() for limit in found.limits],
        "rules_then": found.rules_then,
        "rules_now": found.rules_now,
        "said": [_said(one) for one in found.said],
        "facts": [_stretch(stretch) for stretch in found.facts],
        "agrees": found.agrees,
        "differences": list(found.differences),
        "missing": list(found.missing),
        "replay": list(found.replay),
    }


def time(micros: int) -> str:
    """Return µs since the epoch as RFC 3339."""
    return (_EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _said(one: Said) -> dict[str, Any]:
    event = one.event
    return {
        "change": change_of(event),
        "revision": event.revision,
        "reason": event.reason,
        "occurred_at": time(event.occurred_at),
        "arrived_at": time(one.arrived_at),
        "severity": event.severity,
        "text": event.text,
        "evidence": [_evidence(each) for each in event.evidence],
        "topic": one.topic,
        "partition": one.partition,
        "offset": one.offset,
    }


def _point(point: Point) -> dict[str, Any]:
    return {
        "at": time(point.at),
        "holds": point.holds,
        "open": point.open,
        "coverage": round(point.coverage, 3),
        "evidence": [_evidence(one) for one in point.evidence],
    }


def _evidence(one: Evidence) -> dict[str, Any]:
    return {
        **one._asdict(),
        "value": _number(one.value),
        "threshold": _number(one.threshold),
    }


def _stretch(stretch: Stretch) -> Mapping[str, Any]:
    found = stretch._asdict()
    return {**found, "first_at": time(stretch.first_at), "last_at": time(stretch.last_at)}


def _number(value: float) -> float | None:
    return value if value - value == 0 else None
