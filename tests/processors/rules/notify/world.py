"""Conditions for the notify stage, and the stage with all it has told."""

from typing import Any

from processors.rules.findings import OFFLINE
from processors.rules.notify.stage import NotifyStage
from processors.stage import Arrived, Output, Rejected, advance
from schemas.codec import Event
from schemas.events.condition_changed import ConditionChanged, ConditionPhase, Label
from schemas.events.notification_due import NotificationDue
from schemas.events.rule_changed import RuleChanged
from schemas.events.watermark import Watermark
from schemas.ids import derived_id
from tests.processors.rules.world import NAN, mark, rule, when
from tests.samples import at

CHANNELS = ("ops", "pager")


def told_by(rule_id: str = "r", revision: int = 1, **notify: Any) -> RuleChanged:
    """Return a rule that tells two channels; without a cooldown unless it is given."""
    usual = {"channels": CHANNELS, "cooldown_s": 0, **notify}
    return rule(rule_id, revision, when=when("wes", "<", 5), notify=usual)


def condition(
    seconds: float, state: ConditionPhase, node: str = "n1", *, rule_id: str = "r", **more: Any
) -> ConditionChanged:
    """Return what a rule stage says of a node; ``onset`` in seconds tells one condition from the next."""
    onset = more.pop("onset", seconds)
    condition_id = derived_id("condition", rule_id, node, round(onset * 1000))
    revision = more.pop("revision", {"firing": 0, "updated": 1, "resolved": 9}[state])
    usual: dict[str, Any] = {
        "id": derived_id("condition_changed", condition_id, revision),
        "condition_id": condition_id,
        "revision": revision,
        "state": state,
        "reason": "cleared" if state == "resolved" else "holds",
        "rule_id": rule_id,
        "rule_revision": 1,
        "rule_name": rule_id,
        "source": "node-states",
        "cause_id": "cause",
        "fleet": "default",
        "node_id": node,
        "model": "",
        "subject": node,
        "severity": "warning",
        "value": NAN,
        "threshold": 5.0,
        "was": "",
        "now": "",
        "labels": (),
        "text": f"{node} is slow",
        "occurred_at": at(seconds),
        "onset_at": at(onset),
        "arrived_at": at(seconds),
    }
    return ConditionChanged(**{**usual, **more})


def offline(seconds: float, state: ConditionPhase, node: str = "n1", **more: Any) -> ConditionChanged:
    labels = (Label("alert", "node_offline"),)
    return condition(seconds, state, node, rule_id=OFFLINE, labels=labels, **more)


class Feed:
    """The notify stage and all it has told."""

    def __init__(self, *events: Event) -> None:
        self.stage = NotifyStage()
        self.states: dict[str, Any] = {}
        self.said: list[Output | Rejected] = []
        self.feed(*events)

    def feed(self, *events: Event) -> list[NotificationDue]:
        before = len(self.said)
        for event in events:
            log_time = event.passed_at if isinstance(event, Watermark) else event.occurred_at
            self.said += advance(self.states, self.stage, Arrived(event, log_time))
        return notifications(self.said[before:])

    def until(self, seconds: float) -> list[NotificationDue]:
        """Let time pass."""
        return self.feed(mark(seconds))

    def restart(self) -> None:
        for key, value in self.states.items():
            self.states[key] = self.stage.decode(self.stage.encode(value))


def notifications(said: list[Output | Rejected]) -> list[NotificationDue]:
    return [one.event for one in said if isinstance(one, Output) and isinstance(one.event, NotificationDue)]


def kinds(found: list[NotificationDue]) -> list[str]:
    return [one.kind for one in found]
