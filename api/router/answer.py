"""Writes an answer to the client: its start once, its pieces, its end."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Send = Callable[[Any], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

JSON = b"application/json"


async def whole(send: Send, status: int, content_type: bytes, headers: Headers, body: bytes) -> None:
    """Send an answer in one piece."""
    length = (b"content-length", b"%d" % len(body))
    start = [(b"content-type", content_type), length, *headers]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})


async def start(send: Send, content_type: bytes, headers: Headers) -> None:
    """Begin a stream. Proxies that would gather its pieces are told not to."""
    kept = [(b"content-type", content_type), (b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
    await send({"type": "http.response.start", "status": 200, "headers": [*kept, *headers]})


async def piece(send: Send, body: bytes) -> None:
    """Send a piece of a stream."""
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def end(send: Send, body: bytes = b"") -> None:
    """Send the last piece of a stream, which may be empty."""
    await send({"type": "http.response.body", "body": body})
