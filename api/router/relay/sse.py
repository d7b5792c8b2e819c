"""The events of OpenAI's streams: ``data: {...}`` and an empty line, at the end ``data: [DONE]``."""

from collections.abc import Iterator
from typing import Any

import orjson

from api.router.relay.relay import BrokenAnswerError

DONE = b"data: [DONE]\n\n"


def separator(events: bytes) -> bytes:
    """Return what is between events: an empty line, of either kind."""
    return b"\r\n\r\n" if b"\r\n\r\n" in events else b"\n\n"


def payloads(events: bytes) -> Iterator[bytes]:
    """Yield the data of each event; comments have none."""
    for event in events.split(separator(events)):
        if payload := data(event):
            yield payload


def data(event: bytes) -> bytes:
    """Return the data of one event; several lines of it are one text."""
    if event.startswith(b"data:") and b"\n" not in event:
        return event[5:].strip()
    lines = (line.rstrip(b"\r") for line in event.split(b"\n"))
    return b"\n".join(line[5:].strip() for line in lines if line.startswith(b"data:"))


def parsed(payload: bytes) -> dict[str, Any]:
    """Return the JSON of an event.

    Raises:
        BrokenAnswerError: it is none, or no object.
    """
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise BrokenAnswerError("the upstream sent an event that is not JSON") from None
    if not isinstance(found, dict):
        raise BrokenAnswerError("the upstream sent an event that is no JSON object")
    return found


def event(found: object) -> bytes:
    """Return an event."""
    return b"data: " + orjson.dumps(found) + b"\n\n"
