"""Slack, by an incoming webhook: a message of blocks. Limits are those of Slack's reference of blocks."""

import json
from typing import Any

from schemas.channel_document import ChannelKind, SlackSettings
from schemas.events.notification_due import NotificationDue
from sinks.notify.channel import Receipt
from sinks.notify.http import HttpClient, Network
from sinks.notify.plain import duration, lines, one_line
from sinks.notify.secrets import SecretBox
from sinks.notify.titles import heading

HEADER_CHARACTERS, SECTION_CHARACTERS, FIELD_CHARACTERS, CONTEXT_CHARACTERS = 150, 3000, 2000, 2000
FALLBACK_CHARACTERS = 3000
MOST_NODES = 10
# The three characters that mean something to Slack wherever they stand.
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class Slack:
    """A channel of Slack.

    Raises:
        ConfigError: the address cannot be used.
        ForbiddenError: it is one that no notification may go to.
    """

    kind: ChannelKind = "slack"

    def __init__(self, settings: SlackSettings, secrets: SecretBox, network: Network) -> None:
        url = secrets.open(settings.webhook_url)
        self._http = HttpClient(network, url.get_secret_value(), [url])

    async def send(self, notification: NotificationDue, *, test: bool) -> Receipt:
        """Post the message."""
        body = json.dumps(message(notification, test=test)).encode()
        return await self._http.post(body, {})

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def message(notification: NotificationDue, *, test: bool) -> dict[str, Any]:
    """Return the body of the request. ``text`` is what shows where blocks do not, as in a push message."""
    title = heading(notification, test=test)
    blocks = [
        {"type": "header", "text": _plain(title, HEADER_CHARACTERS)},
        *_section(notification.text),
        {"type": "section", "fields": [_marked(text, FIELD_CHARACTERS) for text in _fields(notification)]},
        {"type": "context", "elements": [_plain(_footer(notification), CONTEXT_CHARACTERS)]},
    ]
    return {
        "text": escaped(one_line(title, FALLBACK_CHARACTERS), FALLBACK_CHARACTERS),
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escaped(text: str, most: int) -> str:
    """Return a text that mentions nobody and links nowhere, of at most so many characters."""
    found: list[str] = []
    length = 0
    for char in text:
        piece = _ESCAPES.get(char, char)
        if length + len(piece) > most - 3:
            return "".join(found) + "..."
        found.append(piece)
        length += len(piece)
    return "".join(found)


def _section(text: str) -> list[dict[str, Any]]:
    shown = lines(text, SECTION_CHARACTERS).strip()
    return [{"type": "section", "text": _plain(shown, SECTION_CHARACTERS)}] if shown else []


def _plain(text: str, most: int) -> dict[str, Any]:
    # Plain text has no markup, and Slack escapes it itself; emoji would make ":" and words into pictures.
    shown = text if len(text) <= most else text[: most - 3] + "..."
    return {"type": "plain_text", "text": shown or " ", "emoji": False}


def _marked(text: str, most: int) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text[:most], "verbatim": True}


def _fields(notification: NotificationDue) -> list[str]:
    held = duration((notification.occurred_at - notification.onset_at) / 1e6)
    nodes = ", ".join(notification.nodes[:MOST_NODES])
    if len(notification.nodes) > MOST_NODES:
        nodes += f" and {len(notification.nodes) - MOST_NODES} more"
    pairs = [
        ("Severity", notification.severity),
        ("Rule", notification.rule_name or notification.rule_id),
        ("Fleet", notification.fleet),
        ("Nodes" if len(notification.nodes) > 1 else "Node", nodes),
        ("Lasted" if notification.kind == "resolved" else "For", held),
    ]
    most = FIELD_CHARACTERS - 40
    return [f"*{name}*\n{escaped(one_line(value, most), most)}" for name, value in pairs if value]


def _footer(notification: NotificationDue) -> str:
    deferred = f", held back {duration(notification.deferred_s)} by {notification.deferred_by}"
    return f"Penstock, {notification.group_id}, revision {notification.revision}" + (
        deferred if notification.deferred_by else ""
    )
