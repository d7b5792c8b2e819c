"""PagerDuty, by its Events API v2: an incident for each group, from trigger to resolve.

The deduplication key is the group's id, so what follows concerns the same incident, and a message that is
sent twice changes nothing. Limits are those of PagerDuty's reference of events.
"""

import json
from typing import Any

from schemas.channel_document import ChannelKind, PagerDutySettings
from schemas.events.condition_changed import ACKNOWLEDGED
from schemas.events.notification_due import NotificationDue
from sinks.notify.channel import Receipt
from sinks.notify.http import HttpClient, Network
from sinks.notify.plain import cut, lines, moment, number, one_line
from sinks.notify.secrets import SecretBox
from sinks.notify.titles import heading

SUMMARY_CHARACTERS, KEY_CHARACTERS = 1024, 255
MOST_BYTES = 512 * 1024 - 1024
TEXT_CHARACTERS = 16_000
SEVERITIES = {"critical": "critical", "warning": "warning", "info": "info"}


class PagerDuty:
    """A service of PagerDuty.

    Raises:
        ConfigError: the key or the address cannot be used.
        ForbiddenError: the address is one that no notification may go to.
    """

    kind: ChannelKind = "pagerduty"

    def __init__(self, settings: PagerDutySettings, secrets: SecretBox, network: Network) -> None:
        self._key = secrets.open(settings.routing_key)
        self._http = HttpClient(network, settings.url, [self._key])

    async def send(self, notification: NotificationDue, *, test: bool) -> Receipt:
        """Post the event; of a test, one that resolves itself at once, so that nobody is woken twice."""
        receipt = await self._post(event(notification, test=test))
        if test and receipt.verdict == "delivered" and notification.kind != "resolved":
            await self._post(event(notification._replace(kind="resolved"), test=True))
        return receipt

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _post(self, body: dict[str, Any]) -> Receipt:
        keyed = {"routing_key": self._key.get_secret_value(), **body}
        return await self._http.post(json.dumps(keyed).encode(), {})


def event(notification: NotificationDue, *, test: bool) -> dict[str, Any]:
    """Return the body of the request, without the routing key."""
    action = action_of(notification)
    body: dict[str, Any] = {"event_action": action, "dedup_key": notification.group_id[:KEY_CHARACTERS]}
    if action == "trigger":
        body |= {"client": "Penstock", "payload": _payload(notification, test=test)}
    return body


def action_of(notification: NotificationDue) -> str:
    """Return trigger, acknowledge or resolve.

    An update says that somebody has taken a condition on when that is what every one of them is now.
    """
    if notification.kind == "resolved":
        return "resolve"
    states = {condition.now for condition in notification.conditions if condition.state == "firing"}
    return "acknowledge" if notification.kind == "updated" and states == {ACKNOWLEDGED} else "trigger"


def _payload(notification: NotificationDue, *, test: bool) -> dict[str, Any]:
    conditions = notification.conditions
    models = sorted({condition.model for condition in conditions if condition.model})
    payload: dict[str, Any] = {
        "summary": cut(heading(notification, test=test), SUMMARY_CHARACTERS),
        "source": cut(", ".join(notification.nodes[:5]) or notification.fleet or "penstock", 255),
        "severity": SEVERITIES[notification.severity],
        "timestamp": moment(notification.onset_at),
        "group": notification.fleet or "penstock",
        "class": one_line(notification.rule_id, 255),
        "custom_details": {
            "text": lines(notification.text, TEXT_CHARACTERS),
            "rule": notification.rule_name,
            "nodes": list(notification.nodes[:100]),
            "test": test or notification.test,
            "conditions": [
                {
                    "node": condition.node_id,
                    "model": condition.model,
                    "value": number(condition.value),
                    "threshold": number(condition.threshold),
                    "text": cut(condition.text, 1000),
                    "since": moment(condition.onset_at),
                }
                for condition in conditions[:50]
            ],
        },
    }
    return payload | ({"component": cut(", ".join(models), 255)} if models else {})
