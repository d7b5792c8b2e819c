"""Alertmanager, by its API v2: an alert for each condition, which starts and ends.

Alertmanager knows an alert by its labels, and ends one by itself some minutes after it was told last. So an
alert that fires is given an end far off, and each message about it ends the alerts that would be its own if
its severity were another: the severity is a label, for that is what people route by, and it can change.
"""

import json
from typing import Any

from schemas.channel_document import AlertmanagerSettings, ChannelKind
from schemas.events.notification_due import NotificationDue, NotifiedCondition
from sinks.notify.alert_labels import annotations, conditions_of, fires, labels
from sinks.notify.channel import Receipt
from sinks.notify.http import HttpClient, Network, header_value
from sinks.notify.plain import moment
from sinks.notify.secrets import SecretBox

PATH = "/api/v2/alerts"
SEVERITIES = ("info", "warning", "critical")


class Alertmanager:
    """An Alertmanager.

    Raises:
        ConfigError: the address or a secret cannot be used.
        ForbiddenError: the address is one that no notification may go to.
    """

    kind: ChannelKind = "alertmanager"

    def __init__(self, settings: AlertmanagerSettings, secrets: SecretBox, network: Network) -> None:
        authorization = secrets.open(settings.authorization) if settings.authorization else None
        self._headers = {"Authorization": header_value(authorization)} if authorization else {}
        self._settings = settings
        self._network = network
        url = settings.url.rstrip("/")
        shown = [authorization] if authorization else []
        self._http = HttpClient(network, url if url.endswith(PATH) else url + PATH, shown)

    async def send(self, notification: NotificationDue, *, test: bool) -> Receipt:
        """Post the alerts."""
        found = alerts(notification, self._settings, round(self._network.wall_s() * 1e6), test=test)
        return await self._http.post(json.dumps(found).encode(), self._headers)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def alerts(
    notification: NotificationDue, settings: AlertmanagerSettings, now_us: int, *, test: bool
) -> list[dict[str, Any]]:
    """Return the alerts of a notification. ``now_us`` is µs since the epoch."""
    found = []
    for condition in conditions_of(notification):
        goes_on = fires(notification, condition) and not test
        for severity in SEVERITIES:
            ends = now_us + round(settings.keep_firing_s * 1e6)
            if not goes_on or severity != notification.severity:
                ends = _end(notification, condition, now_us)
            found.append(
                {
                    "labels": labels(notification, condition, settings.labels, severity=severity, test=test),
                    "annotations": annotations(notification, condition, test=test),
                    "startsAt": moment(condition.onset_at),
                    "endsAt": moment(ends),
                }
            )
    return found


def _end(notification: NotificationDue, condition: NotifiedCondition, now_us: int) -> int:
    """An end is after the start and not in the future, or the alert would fire on."""
    return min(max(notification.occurred_at, condition.onset_at + 1000), now_us)
