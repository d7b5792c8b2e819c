"""Builders of observations and alerts."""

from typing import Any

from schemas.events.alert import AlertOpened, AlertResolved, AlertUpdated
from schemas.events.observation import (
    Evidence,
    ObservationOpened,
    ObservationResolved,
    ObservationUpdated,
)
from schemas.ids import derived_id
from tests.api.states import T0

SECOND = 1_000_000


def observation(name: str = "o1", **fields: Any) -> ObservationOpened:
    """Return an observation that has just opened; ``name`` makes its id."""
    usual: dict[str, Any] = {
        "id": derived_id("event", name, 0),
        "observation_id": derived_id("observation", name),
        "node_id": "n1",
        "fleet": "f1",
        "pattern": "thermal_drain",
        "occurred_at": T0 + 60 * SECOND,
        "onset_at": T0,
        "window_started_at": T0 - 240 * SECOND,
        "revision": 0,
        "severity": "warning",
        "peak_severity": "warning",
        "confidence": 0.9,
        "coverage": 1.0,
        "routing_hint": "reduce_batch",
        "action": "check_cooling",
        "text": "GPU-1 is hot",
        "recommendation": "Check the fans.",
        "subjects": ("GPU-1",),
        "evidence": (Evidence("temperature", "GPU-1", "°C", ">=", 88.0, 83.0),),
        "peak_evidence": (Evidence("load", "", "", "", 0.5, float("nan")),),
        "thresholds": "t",
        "acknowledged_by": "",
        "acknowledged_until": 0,
        "dismissed_until": 0,
        "duration_s": 60.0,
        "reason": "opened",
    }
    return ObservationOpened(**{**usual, **fields})


def updated(before: ObservationOpened | ObservationUpdated, **fields: Any) -> ObservationUpdated:
    """Return the next event of an observation."""
    return ObservationUpdated(*_next(before, {"reason": "evidence", **fields}))


def resolved(before: ObservationOpened | ObservationUpdated, **fields: Any) -> ObservationResolved:
    """Return the last event of an observation."""
    return ObservationResolved(*_next(before, {"reason": "cleared", **fields}))


def alert(name: str = "a1", **fields: Any) -> AlertOpened:
    """Return an alert that has just opened; ``name`` makes its id."""
    usual: dict[str, Any] = {
        "id": derived_id("event", name, 0),
        "alert_id": derived_id("alert", name),
        "fleet": "f1",
        "alert": "node_offline",
        "node_id": "n1",
        "occurred_at": T0 + 60 * SECOND,
        "onset_at": T0,
        "revision": 0,
        "severity": "critical",
        "peak_severity": "critical",
        "confidence": 1.0,
        "action": "check_node",
        "text": "n1 is silent",
        "recommendation": "Check the machine.",
        "members": ("n1",),
        "observations": (),
        "evidence": (Evidence("silence", "", "s", ">=", 60.0, 60.0),),
        "acknowledged_by": "",
        "acknowledged_until": 0,
        "dismissed_until": 0,
        "duration_s": 60.0,
        "reason": "opened",
    }
    return AlertOpened(**{**usual, **fields})


def alert_updated(before: AlertOpened | AlertUpdated, **fields: Any) -> AlertUpdated:
    """Return the next event of an alert."""
    return AlertUpdated(*_next(before, {"reason": "members", **fields}))


def alert_resolved(before: AlertOpened | AlertUpdated, **fields: Any) -> AlertResolved:
    """Return the last event of an alert."""
    return AlertResolved(*_next(before, {"reason": "cleared", **fields}))


def _next(before: Any, fields: Any) -> Any:
    revision = before.revision + 1
    usual = {
        "id": derived_id("event", before.id, revision),
        "revision": revision,
        "occurred_at": before.occurred_at + 10 * SECOND,
    }
    return before._replace(**{**usual, **fields})
