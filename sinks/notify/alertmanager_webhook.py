"""What Alertmanager posts to its webhook receivers, version 4 of it: for programs that were written for that.

An alert for each condition. Receivers know an alert by its fingerprint, so that is the condition's: the same
from firing to resolved, also when its severity changes in between, which changes a label.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from schemas.channel_document import AlertmanagerWebhookSettings, ChannelKind
from schemas.events.notification_due import NotificationDue, NotifiedCondition
from sinks.notify.alert_labels import LABEL_CHARACTERS, annotations, conditions_of, fires, labels
from sinks.notify.channel import Receipt
from sinks.notify.http import HttpClient, Network, header_value
from sinks.notify.plain import moment, one_line
from sinks.notify.secrets import SecretBox

VERSION = "4"
MOST_BYTES = 256 * 1024
# The end of an alert that goes on, as Alertmanager says it: the zero time of Go.
NO_END = "0001-01-01T00:00:00Z"


class AlertmanagerWebhook:
    """A receiver of Alertmanager's webhooks.

    Raises:
        ConfigError: the address or a secret cannot be used.
        ForbiddenError: the address is one that no notification may go to.
    """

    kind: ChannelKind = "alertmanager-webhook"

    def __init__(
        self, channel_id: str, settings: AlertmanagerWebhookSettings, secrets: SecretBox, network: Network
    ) -> None:
        authorization = secrets.open(settings.authorization) if settings.authorization else None
        self._headers = {"Authorization": header_value(authorization)} if authorization else {}
        self._channel_id = channel_id
        self._labels = settings.labels
        self._http = HttpClient(network, settings.url, [authorization] if authorization else [])

    async def send(self, notification: NotificationDue, *, test: bool) -> Receipt:
        """Post the alerts; those of a test are resolved at once, so that nothing stays open by them."""
        receipt = await self._post(notification, test=test)
        if test and receipt.verdict == "delivered" and notification.kind != "resolved":
            await self._post(notification._replace(kind="resolved"), test=True)
        return receipt

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _post(self, notification: NotificationDue, *, test: bool) -> Receipt:
        body = body_of(notification, self._channel_id, self._labels, test=test)
        return await self._http.post(body, self._headers)


def body_of(notification: NotificationDue, receiver: str, besides: Mapping[str, str], *, test: bool) -> bytes:
    """Return the document; of alerts no more than fit into ``MOST_BYTES``.

    ``receiver`` is the name that receivers are told they have; ``besides``: labels that every alert has too.
    """
    alerts = [_alert(notification, each, besides, test=test) for each in conditions_of(notification)]
    kept = alerts
    while True:
        body = json.dumps(_document(notification, receiver, alerts, kept)).encode()
        if len(body) <= MOST_BYTES or not kept:
            return body
        kept = kept[: len(kept) // 2]


def _document(
    notification: NotificationDue,
    receiver: str,
    alerts: Sequence[dict[str, Any]],
    kept: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Return the document of all alerts, with the details of those kept."""
    return {
        "version": VERSION,
        "groupKey": notification.group_id,
        "truncatedAlerts": len(alerts) - len(kept),
        "status": "firing" if any(alert["status"] == "firing" for alert in alerts) else "resolved",
        "receiver": receiver,
        "groupLabels": {"alertname": one_line(notification.rule_id, LABEL_CHARACTERS) or "rule"},
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": "",
        "alerts": kept,
    }


def _alert(
    notification: NotificationDue, condition: NotifiedCondition, besides: Mapping[str, str], *, test: bool
) -> dict[str, Any]:
    goes_on = fires(notification, condition)
    return {
        "status": "firing" if goes_on else "resolved",
        "labels": labels(notification, condition, besides, severity=notification.severity, test=test),
        "annotations": annotations(notification, condition, test=test),
        "startsAt": moment(condition.onset_at),
        "endsAt": NO_END if goes_on else moment(max(notification.occurred_at, condition.onset_at)),
        "generatorURL": "",
        "fingerprint": blake2b(condition.condition_id.encode("utf-8", "replace"), digest_size=8).hexdigest(),
    }


def _common(every: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return what all have alike."""
    first, *others = every
    return {name: value for name, value in first.items() if all(one.get(name) == value for one in others)}
