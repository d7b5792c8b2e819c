"""Callers and models of a test that waits for others."""

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
from aiohttp import web

from tests.api.router.fleet import Router, until
from tests.api.router.standin import Body, good

CHAT = "/v1/chat/completions"


class Held:
    """A model that answers when the test lets it."""

    def __init__(self) -> None:
        self._open = threading.Event()

    async def __call__(self, request: web.Request, body: Body) -> web.StreamResponse:
        while not self._open.is_set():
            await asyncio.sleep(0.005)
        return await good(request, body)

    def let_go(self) -> None:
        self._open.set()


class Crowd:
    """Callers, each in a thread of its own."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(32)

    def ask(
        self, router: Router, model: str = "m", key: str = "", **headers: str
    ) -> "Future[httpx.Response]":
        named = {**headers, **({"authorization": f"Bearer {key}"} if key else {})}
        body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
        return self._pool.submit(router.post, CHAT, body, **named)

    def close(self) -> None:
        self._pool.shutdown()


def status(router: Router) -> dict[str, Any]:
    found: dict[str, Any] = router.http.get("/queue/status").json()
    return found


def waiting(router: Router, count: int) -> list[dict[str, Any]]:
    """Wait until so many requests wait; return them."""
    until(lambda: status(router)["waiting"] == count, lambda: str(status(router)))
    found: list[dict[str, Any]] = status(router)["tickets"]
    return found
