"""Reads the body of a request, within a limit of size; how long it may take is the protocol's to say."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from api.router.errors import Declined
from api.router.outcome import Outcome

Receive = Callable[[], Awaitable[Any]]


class ClientLeftError(Exception):
    """The client left before its request was whole."""


async def read(receive: Receive, headers: Mapping[bytes, bytes], *, limit: int) -> bytes:
    """Return the body.

    Args:
        receive: of ASGI.
        headers: names in lower case.
        limit: most bytes.

    Raises:
        Declined: it is too long.
        ClientLeftError: the client left, or its connection was ended because it took too long.
    """
    told = headers.get(b"content-length", b"0")
    if not told.isdigit() or int(told) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeftError
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> Declined:
    return Declined(
        Outcome.REJECTED_OVERSIZED, 413, f"the body of a request may have {limit} bytes (router.body_bytes)"
    )
