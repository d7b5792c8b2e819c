"""The barest hop: uvicorn takes the request, aiohttp sends it on, the answer goes back; nothing is looked at.

``python -m infra.bench.hop.bare PORT UPSTREAM_URL``.
"""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import uvicorn


class Bare:
    """An ASGI application."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session: aiohttp.ClientSession | None = None

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """Serve one request."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        body = (await receive())["body"]
        url = self._upstream + scope["path"]
        head = {"content-type": "application/json"}
        async with self._session.request(scope["method"], url, data=body, headers=head) as answer:
            content_type = answer.headers["content-type"].encode()
            start = {"type": "http.response.start", "status": answer.status}
            await send({**start, "headers": [(b"content-type", content_type)]})
            while piece := await answer.content.readany():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    uvicorn.run(
        Bare(sys.argv[2]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="error",
        backlog=4096,
    )
