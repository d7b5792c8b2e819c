"""Observations and alerts as one kind of thing: what both have, and where they differ.

Either is three events of one layout, opened, updated and resolved, under one id. What is known of one now is
its latest event.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from api.query.plain import json_schema, plain
from schemas.events.alert import Alert, AlertOpened, AlertResolved, AlertUpdated
from schemas.events.observation import (
    Observation,
    ObservationOpened,
    ObservationResolved,
    ObservationUpdated,
)
from schemas.events.operator_action import ActionTarget
from schemas.topics import ALERTS, OBSERVATIONS, PANES, SUMMARIES, Topic

Finding = Observation | Alert
State = Literal["open", "acknowledged", "dismissed", "resolved"]

STATES: tuple[State, ...] = ("open", "acknowledged", "dismissed", "resolved")
SEVERITIES = ("info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Kind:
    """Observations, or alerts. ``what`` is the field that names the pattern or alert.

    ``topic`` carries them; the stage that keeps them reads ``acts``, where what operators do goes.
    """

    name: ActionTarget
    plural: Literal["observations", "alerts"]
    id_field: str
    what: str
    topic: Topic
    acts: Topic
    opened: type[Finding]
    updated: type[Finding]
    resolved: type[Finding]

    @property
    def events(self) -> Mapping[str, type[Finding]]:
        """The events of one, by what they say of it."""
        return {"opened": self.opened, "updated": self.updated, "resolved": self.resolved}


OBSERVATION = Kind(
    name="observation",
    plural="observations",
    id_field="observation_id",
    what="pattern",
    topic=OBSERVATIONS,
    acts=PANES,
    opened=ObservationOpened,
    updated=ObservationUpdated,
    resolved=ObservationResolved,
)
ALERT = Kind(
    name="alert",
    plural="alerts",
    id_field="alert_id",
    what="alert",
    topic=ALERTS,
    acts=SUMMARIES,
    opened=AlertOpened,
    updated=AlertUpdated,
    resolved=AlertResolved,
)
KINDS = (OBSERVATION, ALERT)

_CHANGES: Mapping[type, str] = {view: change for kind in KINDS for change, view in kind.events.items()}


def kind_of(finding: Finding) -> Kind:
    """Return which of the two it is."""
    return OBSERVATION if isinstance(finding, Observation) else ALERT


def id_of(finding: Finding) -> str:
    """Return the id that it keeps from opened to resolved."""
    return finding.observation_id if isinstance(finding, Observation) else finding.alert_id


def what_of(finding: Finding) -> str:
    """Return the id of the pattern or the alert."""
    return finding.pattern if isinstance(finding, Observation) else finding.alert


def change_of(finding: Finding) -> str:
    """Return which event it is: opened, updated or resolved."""
    return _CHANGES[type(finding)]


def is_over(finding: Finding) -> bool:
    """Tell whether it is resolved."""
    return isinstance(finding, ObservationResolved | AlertResolved)


def state_of(finding: Finding, now: int) -> State:
    """Return what it is at ``now``, µs since the epoch; a dismissal hides an acknowledgement."""
    if is_over(finding):
        return "resolved"
    if finding.dismissed_until > now:
        return "dismissed"
    lasts = finding.acknowledged_until == 0 or finding.acknowledged_until > now
    return "acknowledged" if finding.acknowledged_by and lasts else "open"


def concerns(finding: Finding, node_id: str) -> bool:
    """Tell whether it is about a node, alone or among others."""
    return node_id == finding.node_id or (isinstance(finding, Alert) and node_id in finding.members)


def shown(finding: Finding, now: int) -> dict[str, Any]:
    """Return it as JSON: its state at ``now``, when it ended, and its latest event."""
    event = plain(finding)
    return {
        "id": id_of(finding),
        "state": state_of(finding, now),
        "ended_at": event["occurred_at"] if is_over(finding) else None,
        **moment(finding),
    }


def moment(finding: Finding) -> dict[str, Any]:
    """Return one event of it as JSON. Its own id is ``event_id``: ``id`` is the finding's."""
    event = plain(finding)
    return {"change": change_of(finding), "event_id": event.pop("id"), **event}


def schema(kind: Kind) -> dict[str, Any]:
    """Return the JSON Schema of ``shown``."""
    fields = dict(json_schema(f"{kind.name}_updated")["properties"])
    event_id = fields.pop("id")
    return {
        "type": "object",
        "properties": {
            "id": {"type": "string", "description": f"the {kind.name}'s, the same from opened to resolved"},
            "state": {"type": "string", "enum": list(STATES)},
            "ended_at": {"type": ["string", "null"], "format": "date-time", "description": "once resolved"},
            "change": {"type": "string", "enum": ["opened", "updated", "resolved"]},
            "event_id": event_id,
            **fields,
        },
    }
