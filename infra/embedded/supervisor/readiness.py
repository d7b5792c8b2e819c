"""Common answers to 'is it ready?', for ``Part.ready``."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from infra.embedded.ports import Port

TIMEOUT_S = 3.0


def listening(port: Port) -> Callable[[], Awaitable[bool]]:
    """Ready when something accepts connections on the port."""

    async def ask() -> bool:
        try:
            connection = asyncio.open_connection(port.host, port.number)
            _, writer = await asyncio.wait_for(connection, TIMEOUT_S)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    return ask


def answering(url: str) -> Callable[[], Awaitable[bool]]:
    """Ready when the URL answers 200."""

    async def ask() -> bool:
        import aiohttp  # once the first part is up: no part waits for the 0.3 s that it takes

        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as client, client.get(url) as answer:
                return answer.status == HTTPStatus.OK
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    return ask
