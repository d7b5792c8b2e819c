"""A schema registry that answers what the client asks, and can be told to stay away."""

import asyncio
import json
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class RegistryServer:
    """Gives ids in the order in which schemas are registered."""

    ids: dict[str, int] = field(default_factory=dict)
    asked: int = 0
    away: bool = False

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/subjects/{subject}/versions", self._register)
        app.router.add_get("/schemas/ids/{id}", self._schema)
        return app

    async def _register(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.away:
            return web.json_response({"error_code": 50001}, status=503)
        text = (await request.json())["schema"]
        return web.json_response({"id": self.ids.setdefault(text, len(self.ids) + 1)})

    async def _schema(self, request: web.Request) -> web.Response:
        wanted = int(request.match_info["id"])
        text = next((text for text, number in self.ids.items() if number == wanted), None)
        if text is None:
            return web.json_response({"error_code": 40403}, status=404)
        return web.json_response({"schema": text})


async def serve(app: web.Application, port: int) -> web.AppRunner:
    """Serve on loopback until the runner's ``cleanup``."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


async def until(condition: object, deadline_s: float = 30.0) -> None:
    """Return as soon as the callable is true; fail after the deadline."""
    assert callable(condition)
    async with asyncio.timeout(deadline_s):
        while not condition():
            await asyncio.sleep(0.02)


def body(value: object) -> bytes:
    """Return JSON bytes."""
    return json.dumps(value).encode()
