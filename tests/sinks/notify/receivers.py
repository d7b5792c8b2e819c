"""Receivers with faults, on free ports."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Received:
    """Requests as they came."""

    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    @property
    def documents(self) -> list[Any]:
        return [json.loads(body) for body in self.bodies]


@asynccontextmanager
async def receiver(
    answer: Answer | None = None, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Received]:
    received = Received()

    async def handle(request: web.Request) -> web.StreamResponse:
        received.bodies.append(await request.read())
        received.headers.append({name.lower(): value for name, value in request.headers.items()})
        return await answer(request) if answer else web.Response(text="ok")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, host, 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    received.url = f"{'https' if tls else 'http'}://{host}:{port}/in?token=hunter22"
    try:
        yield received
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server that speaks as it likes; yields its URL."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/in"
    finally:
        server.close()


def status(code: int, text: str = "", **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=code, text=text, headers=given)

    return answer
