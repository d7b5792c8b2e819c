"""The schemas this package ships, and the typed view of each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from schemas.events import (
    alert,
    channel_changed,
    clock_tick,
    condition_changed,
    dead_letter,
    delivery_attempted,
    node_hint,
    node_pane,
    node_registered,
    node_sample,
    node_state,
    node_stopped,
    node_summary,
    node_tagged,
    notification_due,
    observation,
    operator_action,
    request_admitted,
    request_finished,
    request_first_token,
    request_pane,
    request_received,
    request_routed,
    rule_changed,
    stage_snapshot,
    watermark,
    wes_baseline,
)
from schemas.events.alert import AlertOpened, AlertResolved, AlertUpdated
from schemas.events.channel_changed import ChannelChanged
from schemas.events.clock_tick import ClockTick
from schemas.events.condition_changed import ConditionChanged
from schemas.events.dead_letter import DeadLetter
from schemas.events.delivery_attempted import DeliveryAttempted
from schemas.events.node_hint import NodeHint
from schemas.events.node_pane import NodePane
from schemas.events.node_registered import NodeRegistered
from schemas.events.node_sample import NodeSample
from schemas.events.node_state import NodeState
from schemas.events.node_stopped import NodeStopped
from schemas.events.node_summary import NodeSummary
from schemas.events.node_tagged import NodeTagged
from schemas.events.notification_due import NotificationDue
from schemas.events.observation import ObservationOpened, ObservationResolved, ObservationUpdated
from schemas.events.operator_action import OperatorAction
from schemas.events.request_admitted import RequestAdmitted
from schemas.events.request_finished import RequestFinished
from schemas.events.request_first_token import RequestFirstToken
from schemas.events.request_pane import RequestPane
from schemas.events.request_received import RequestReceived
from schemas.events.request_routed import RequestRouted
from schemas.events.rule_changed import RuleChanged
from schemas.events.stage_snapshot import StageSnapshot
from schemas.events.watermark import Watermark
from schemas.events.wes_baseline import WesBaseline

Event = (
    NodeRegistered
    | NodeStopped
    | NodeSample
    | NodeState
    | NodePane
    | NodeHint
    | NodeSummary
    | RequestReceived
    | RequestAdmitted
    | RequestRouted
    | RequestFirstToken
    | RequestFinished
    | RequestPane
    | ObservationOpened
    | ObservationUpdated
    | ObservationResolved
    | AlertOpened
    | AlertUpdated
    | AlertResolved
    | OperatorAction
    | WesBaseline
    | ClockTick
    | Watermark
    | StageSnapshot
    | RuleChanged
    | ChannelChanged
    | NodeTagged
    | ConditionChanged
    | NotificationDue
    | DeliveryAttempted
    | DeadLetter
)

EVENT_TYPES: Mapping[str, type[Event]] = {
    "node_registered": NodeRegistered,
    "node_stopped": NodeStopped,
    "node_sample": NodeSample,
    "node_state": NodeState,
    "node_pane": NodePane,
    "node_hint": NodeHint,
    "node_summary": NodeSummary,
    "request_received": RequestReceived,
    "request_admitted": RequestAdmitted,
    "request_routed": RequestRouted,
    "request_first_token": RequestFirstToken,
    "request_finished": RequestFinished,
    "request_pane": RequestPane,
    "observation_opened": ObservationOpened,
    "observation_updated": ObservationUpdated,
    "observation_resolved": ObservationResolved,
    "alert_opened": AlertOpened,
    "alert_updated": AlertUpdated,
    "alert_resolved": AlertResolved,
    "operator_action": OperatorAction,
    "wes_baseline": WesBaseline,
    "clock_tick": ClockTick,
    "watermark": Watermark,
    "stage_snapshot": StageSnapshot,
    "rule_changed": RuleChanged,
    "channel_changed": ChannelChanged,
    "node_tagged": NodeTagged,
    "condition_changed": ConditionChanged,
    "notification_due": NotificationDue,
    "delivery_attempted": DeliveryAttempted,
    "dead_letter": DeadLetter,
}
_MODULES = (
    alert,
    channel_changed,
    clock_tick,
    condition_changed,
    dead_letter,
    delivery_attempted,
    node_hint,
    node_pane,
    node_registered,
    node_sample,
    node_state,
    node_stopped,
    node_summary,
    node_tagged,
    notification_due,
    observation,
    operator_action,
    request_admitted,
    request_finished,
    request_first_token,
    request_pane,
    request_received,
    request_routed,
    rule_changed,
    stage_snapshot,
    watermark,
    wes_baseline,
)

# Every record of every schema, nested ones included, by its Avro name.
VIEWS: Mapping[str, type[tuple[Any, ...]]] = {
    name: view
    for module in _MODULES
    for name, view in vars(module).items()
    if isinstance(view, type) and issubclass(view, tuple)
}


@dataclass(frozen=True, slots=True)
class Packaged:
    """One released version of one event's schema."""

    event: str
    version: int
    schema: Mapping[str, Any]
    text: str

    @property
    def subject(self) -> str:
        """The registry's subject: the record's full name, so one topic can carry several events."""
        return f"{self.schema['namespace']}.{self.schema['name']}"


@cache
def packaged() -> Mapping[str, tuple[Packaged, ...]]:
    """Return every shipped version of every event, oldest first, by event name."""
    found: dict[str, list[Packaged]] = {}
    for file in sorted(resources.files("schemas.avro").iterdir(), key=lambda path: path.name):
        event, version, suffix = (*file.name.split("."), "", "")[:3]
        if suffix == "avsc":
            text = file.read_text("utf-8")
            found.setdefault(event, []).append(
                Packaged(event, int(version.removeprefix("v")), json.loads(text), text)
            )
    return {event: tuple(sorted(all_, key=lambda p: p.version)) for event, all_ in found.items()}


def latest(event: str) -> Packaged:
    """Return the newest shipped schema of an event."""
    return packaged()[event][-1]
