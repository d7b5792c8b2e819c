"""Alertmanager, by its API v2: an alert for each condition, which starts and ends.

Alertmanager knows an alert by its labels, and ends one by itself some minutes after it was told last. So an
alert that fires is given an end far off, and each message about it ends the alerts that would be its own if
its severity were another: the severity is a label, for that is what people route by, and it can change.
"""

import json
import math
from typing import Any

from schemas.channel_document import AlertmanagerSettings, ChannelKind
from schemas.events.notification_due import ConditionState, NotificationDue, NotifiedCondition
from sinks.notify.channel import Receipt
from sinks.notify.http import HttpClient, Network, header_value
from sinks.notify.plain import lines, moment, one_line
from sinks.notify.secrets import SecretBox
from sinks.notify.titles import heading

PATH = "/api/v2/alerts"
SEVERITIES = ("info", "warning", "critical")
LABEL_CHARACTERS = 500


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
    for condition in notification.conditions or (_whole(notification),):
        fires = notification.kind != "resolved" and condition.state == "firing" and not test
        for severity in SEVERITIES:
            ends = now_us + round(settings.keep_firing_s * 1e6)
            if not fires or severity != notification.severity:
                ends = _end(notification, condition, now_us)
            found.append(
                {
                    "labels": _labels(notification, condition, severity, settings, test=test),
                    "annotations": {
                        "summary": heading(notification, test=test),
                        "description": lines(condition.text or notification.text, 4000),
                        "group_id": notification.group_id,
                    },
                    "startsAt": moment(condition.onset_at),
                    "endsAt": moment(ends),
                }
            )
    return found


def _end(notification: NotificationDue, condition: NotifiedCondition, now_us: int) -> int:
    """An end is after the start and not in the future, or the alert would fire on."""
    return min(max(notification.occurred_at, condition.onset_at + 1000), now_us)


def _labels(
    notification: NotificationDue,
    condition: NotifiedCondition,
    severity: str,
    settings: AlertmanagerSettings,
    *,
    test: bool,
) -> dict[str, str]:
    labels = {
        **settings.labels,
        "alertname": one_line(notification.rule_id, LABEL_CHARACTERS) or "rule",
        "severity": severity,
        "fleet": notification.fleet,
        "node": condition.node_id,
        "model": condition.model,
        "source": "penstock",
        "test": "true" if test or notification.test else "",
    }
    lines_of = {name: one_line(value, LABEL_CHARACTERS) for name, value in labels.items()}
    return {name: line for name, line in lines_of.items() if line}


def _whole(notification: NotificationDue) -> NotifiedCondition:
    """A notification of no condition is about its nodes as a whole."""
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
