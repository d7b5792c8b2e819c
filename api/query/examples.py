"""Examples in the description of the API, made by the code that makes the answers."""

from collections.abc import Mapping
from typing import Any

from api.query.finding import Finding, Kind, id_of, moment, shown
from schemas.events.alert import Alert, AlertOpened, AlertResolved
from schemas.events.observation import Evidence, Observation, ObservationOpened, ObservationUpdated
from schemas.events.operator_action import OperatorVerb

_T0 = 1_780_315_200_000_000  # 2026-06-01T12:00:00Z
_SECOND = 1_000_000
_HOT = Evidence("temperature", "GPU-1", "°C", ">=", 88.4, 83.0)

_OPENED = ObservationOpened(
    id="0b0f5f0e-8f0e-5b53-9a3e-5d9f6c1f7a01",
    observation_id="5b0a4d86-3c52-5f0e-8f4d-1f2f3a4b5c6d",
    node_id="gpu-01",
    fleet="default",
    pattern="thermal_drain",
    occurred_at=_T0 + 300 * _SECOND,
    onset_at=_T0,
    window_started_at=_T0,
    revision=0,
    severity="warning",
    peak_severity="warning",
    confidence=0.9,
    coverage=1.0,
    routing_hint="reduce_batch",
    action="check_cooling",
    text="GPU-1 has been at 88 °C for 5 min and gives 31% less than when it is cool",
    recommendation="Check fans, filters and the inlet temperature.",
    subjects=("GPU-1",),
    evidence=(_HOT,),
    peak_evidence=(_HOT,),
    thresholds="7d1f2c",
    acknowledged_by="",
    acknowledged_until=0,
    dismissed_until=0,
    duration_s=300.0,
    reason="opened",
)
_SEEN = ObservationUpdated(
    **_OPENED._replace(
        id="0b0f5f0e-8f0e-5b53-9a3e-5d9f6c1f7a02",
        occurred_at=_T0 + 420 * _SECOND,
        revision=1,
        acknowledged_by="anna",
        duration_s=420.0,
        reason="operator",
    )._asdict()
)
_ALERT = AlertOpened(
    id="1d0f5f0e-8f0e-5b53-9a3e-5d9f6c1f7a01",
    alert_id="6c1a4d86-3c52-5f0e-8f4d-1f2f3a4b5c6d",
    fleet="default",
    alert="node_offline",
    node_id="gpu-02",
    occurred_at=_T0 + 60 * _SECOND,
    onset_at=_T0,
    revision=0,
    severity="critical",
    peak_severity="critical",
    confidence=1.0,
    action="check_node",
    text="gpu-02 has been silent for 60 s while others of the fleet send",
    recommendation="Check the machine and its network, then the agent's log.",
    members=("gpu-02",),
    observations=(),
    evidence=(Evidence("silence", "", "s", ">=", 60.0, 60.0),),
    acknowledged_by="",
    acknowledged_until=0,
    dismissed_until=0,
    duration_s=60.0,
    reason="opened",
)
_ALERT_OVER = AlertResolved(
    **_ALERT._replace(
        id="1d0f5f0e-8f0e-5b53-9a3e-5d9f6c1f7a02",
        occurred_at=_T0 + 240 * _SECOND,
        revision=1,
        duration_s=240.0,
        reason="node_back",
    )._asdict()
)
_NOW = _T0 + 600 * _SECOND


def _whole(*events: Finding) -> dict[str, Any]:
    return {
        **shown(events[-1], _NOW),
        "history": [moment(event) for event in events],
        "history_complete": True,
    }


OBSERVATIONS: dict[str, Any] = {"observations": [shown(_SEEN, _NOW)], "next": None}
OBSERVATION_WITH_HISTORY = _whole(_OPENED, _SEEN)
ALERTS: dict[str, Any] = {"alerts": [shown(_ALERT, _NOW)], "next": None}
ALERT_WITH_HISTORY = _whole(_ALERT, _ALERT_OVER)
STREAM = (
    "retry: 2000\n\nid: a0:3-o2:17\nevent: observation\n"
    'data: {"id": "5b0a4d86-3c52-5f0e-8f4d-1f2f3a4b5c6d", "state": "open", "change": "opened", ...}\n\n'
    ": heartbeat\n\n"
)
BODIES: Mapping[OperatorVerb, dict[str, Any]] = {
    "acknowledge": {
        "until it is over": {"value": {"note": "fan ordered"}},
        "for an hour": {"value": {"for_s": 3600, "note": "looking at it", "by": "anna"}},
    },
    "dismiss": {
        "for a day": {"value": {}},
        "until a time": {"value": {"expires_at": "2026-06-08T08:00:00Z", "note": "known, rack moves"}},
    },
    "resolve": {"now": {"value": {"note": "fan replaced"}}},
    "restore": {"now": {"value": {}}},
}


def documented(schema: Mapping[str, Any], example: Any) -> dict[int | str, dict[str, Any]]:  # noqa: ANN401
    """Return how an answer is described."""
    content = {"application/json": {"schema": schema, "example": example}}
    return {200: {"description": "as described", "content": content}}


def done(kind: Kind, verb: OperatorVerb) -> dict[str, Any]:
    """Return what an action answers."""
    before: Observation | Alert = _OPENED if kind.name == "observation" else _ALERT
    view, now = kind.events["resolved" if verb == "resolve" else "updated"], _T0 + 420 * _SECOND
    effects: Mapping[str, dict[str, Any]] = {
        "acknowledge": {"acknowledged_by": "anna"},
        "dismiss": {"dismissed_until": _T0 + 86400 * _SECOND},
    }
    fields = effects.get(verb, {})
    changed = before._replace(occurred_at=now, revision=1, duration_s=420.0, reason="operator", **fields)
    return {
        "already": False,
        "action": {"action": verb, "target": kind.name, "target_id": id_of(before), "by": "anna"},
        kind.name: shown(view(*changed), now),
    }
