"""Webhooks: a JSON document, signed as Standard Webhooks says. ``webhook.schema.json`` describes it."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import SecretStr

from schemas.channel_document import ChannelKind, WebhookSettings
from schemas.events.notification_due import NotificationDue, NotifiedCondition
from sinks.notify.channel import Receipt
from sinks.notify.http import HttpClient, Network, header_value
from sinks.notify.plain import cut, lines, moment, number, one_line
from sinks.notify.secrets import SecretBox
from sinks.notify.signature import headers, key_of

MOST_BYTES = 256 * 1024
TITLE_CHARACTERS, TEXT_CHARACTERS = 500, 16_000


class Webhook:
    """A receiver of webhooks.

    Raises:
        ConfigError: the address or a secret cannot be used.
        ForbiddenError: the address is one that no notification may go to.
    """

    kind: ChannelKind = "webhook"

    def __init__(self, settings: WebhookSettings, secrets: SecretBox, network: Network) -> None:
        given = [each for each in (settings.secret, settings.previous_secret) if each is not None]
        opened = [secrets.open(secret) for secret in given]
        self._keys = [key_of(secret.get_secret_value()) for secret in opened]
        authorization = secrets.open(settings.authorization) if settings.authorization else None
        self._headers = _authorization(authorization)
        self._network = network
        shown = [*opened, authorization] if authorization else opened
        self._http = HttpClient(network, settings.url, shown)

    async def send(self, notification: NotificationDue, *, test: bool) -> Receipt:
        """Post the document."""
        body = body_of(notification, test=test)
        signed = headers(notification.id, int(self._network.wall_s()), body, self._keys)
        return await self._http.post(body, {**self._headers, **signed})

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def _authorization(secret: SecretStr | None) -> dict[str, str]:
    return {} if secret is None else {"Authorization": header_value(secret)}


def body_of(notification: NotificationDue, *, test: bool) -> bytes:
    """Return the document; of conditions no more than fit into ``MOST_BYTES``."""
    conditions = [_condition(each) for each in notification.conditions]
    while True:
        body = json.dumps(_document(notification, conditions, test=test), ensure_ascii=False).encode(
            "utf-8", "replace"
        )
        if len(body) <= MOST_BYTES or not conditions:
            return body
        conditions = conditions[: len(conditions) // 2]


def _document(
    notification: NotificationDue, conditions: Sequence[dict[str, Any]], *, test: bool
) -> dict[str, Any]:
    return {
        "type": f"notification.{notification.kind}",
        "timestamp": moment(notification.occurred_at),
        "data": {
            "id": notification.id,
            "group_id": notification.group_id,
            "revision": notification.revision,
            "test": test or notification.test,
            "rule": {"id": notification.rule_id, "name": cut(notification.rule_name, TITLE_CHARACTERS)},
            "severity": notification.severity,
            "title": one_line(notification.title, TITLE_CHARACTERS),
            "text": lines(notification.text, TEXT_CHARACTERS),
            "fleet": notification.fleet,
            "nodes": notification.nodes[:1000],
            "onset_at": moment(notification.onset_at),
            "fact_arrived_at": moment(notification.fact_arrived_at),
            "deferred": (
                {"by": notification.deferred_by, "s": number(notification.deferred_s)}
                if notification.deferred_by
                else None
            ),
            "conditions": conditions,
            "conditions_omitted": len(notification.conditions) - len(conditions),
        },
    }


def _condition(condition: NotifiedCondition) -> dict[str, Any]:
    return {
        "id": condition.condition_id,
        "state": condition.state,
        "node_id": condition.node_id,
        "model": condition.model,
        "value": number(condition.value),
        "threshold": number(condition.threshold),
        "was": condition.was,
        "now": condition.now,
        "text": cut(condition.text, 2000),
        "onset_at": moment(condition.onset_at),
    }
