"""What the two formats of Alertmanager share: the labels and annotations of an alert. Pure."""

import math
from collections.abc import Mapping

from schemas.events.notification_due import ConditionState, NotificationDue, NotifiedCondition
from sinks.notify.plain import lines, one_line
from sinks.notify.titles import heading

LABEL_CHARACTERS = 500
TEXT_CHARACTERS = 4000


def conditions_of(notification: NotificationDue) -> tuple[NotifiedCondition, ...]:
    """Return the conditions; a notification of none is about its nodes as a whole."""
    return notification.conditions or (_whole(notification),)


def fires(notification: NotificationDue, condition: NotifiedCondition) -> bool:
    """Return whether a condition goes on."""
    return notification.kind != "resolved" and condition.state == "firing"


def labels(
    notification: NotificationDue,
    condition: NotifiedCondition,
    besides: Mapping[str, str],
    *,
    severity: str,
    test: bool,
) -> dict[str, str]:
    """Return the labels of an alert; those without a value are left out.

    The condition is one of them: two observations of one node by one rule are two alerts, and the end of one
    is not the end of the other.
    """
    every = {
        **besides,
        "alertname": one_line(notification.rule_id, LABEL_CHARACTERS) or "rule",
        "severity": severity,
        "fleet": notification.fleet,
        "node": condition.node_id,
        "model": condition.model,
        "condition": condition.condition_id,
        "source": "penstock",
        "test": "true" if test or notification.test else "",
    }
    lines_of = {name: one_line(value, LABEL_CHARACTERS) for name, value in every.items()}
    return {name: line for name, line in lines_of.items() if line}


def annotations(notification: NotificationDue, condition: NotifiedCondition, *, test: bool) -> dict[str, str]:
    """Return what people read of an alert, and the group that it is of."""
    return {
        "summary": heading(notification, test=test),
        "description": lines(condition.text or notification.text, TEXT_CHARACTERS),
        "group_id": notification.group_id,
    }


def _whole(notification: NotificationDue) -> NotifiedCondition:
    state: ConditionState = "resolved" if notification.kind == "resolved" else "firing"
    return NotifiedCondition(
        condition_id=notification.group_id,
        node_id=notification.nodes[0] if len(notification.nodes) == 1 else "",
        model="",
        state=state,
        value=math.nan,
        threshold=math.nan,
        was="",
        now="",
        text=notification.text,
        onset_at=notification.onset_at,
    )
