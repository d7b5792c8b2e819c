"""Reads the body of a request, within limits of size and time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from api.router.errors import Declined, invalid
from api.router.outcome import Outcome

Receive = Callable[[], Awaitable[Any]]


class ClientLeftError(Exception):
    """The client left before its request was whole."""


async def read(receive: Receive, headers: Mapping[bytes, bytes], *, limit: int, timeout_s: float) -> bytes:
    """Return the body.

    Args:
        receive: of ASGI.
        headers: names in lower case.
        limit: most bytes.
        timeout_s: how long it may take to arrive.

    Raises:
        Declined: it is too long, or took too long.
        ClientLeftError: the client left.
    """
    told = headers.get(b"content-length", b"0")
    if not told.isdigit() or int(told) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(timeout_s):
            return await _parts(receive, limit)
    except TimeoutError:
        raise _too_slow(timeout_s) from None


async def _parts(receive: Receive, limit: int) -> bytes:
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


def _too_slow(timeout_s: float) -> Declined:
    error = invalid(f"the body did not arrive within {timeout_s:g} s (router.body_timeout_s)")
    error.status = 408
    return error
