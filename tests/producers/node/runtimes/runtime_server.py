"""A server that answers at each path what a test says, and counts what it was asked."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from producers.node.runtimes.http import RuntimeHttp
from tests.fixtures.ports import free_port
from tests.producers.registry_server import serve

Answer = Any


@dataclass
class RuntimeServer:
    """``routes``: path to JSON, to the text of a page, or to a handler; all else is not found."""

    routes: dict[str, Answer]
    server: str = ""
    status: int = 200
    asked: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    bodies: list[Mapping[str, Any]] = field(default_factory=list)
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        self.keys.append(request.headers.get("Authorization", ""))
        if request.can_read_body:
            self.bodies.append(await request.json())
        found = self.routes.get(request.path)
        if callable(found):
            response: web.StreamResponse = await found(request)
            return response
        answer = self._plain(found)
        if self.server:
            answer.headers["Server"] = self.server
        return answer

    def _plain(self, found: Answer) -> web.Response:
        if found is None:
            return web.Response(status=404, text="no such path")
        if isinstance(found, bytes):
            return web.Response(body=found, status=self.status, content_type="text/plain")
        if isinstance(found, str):
            return web.Response(text=found, status=self.status)
        return web.json_response(found, status=self.status)


@asynccontextmanager
async def serving(server: RuntimeServer) -> AsyncIterator[RuntimeHttp]:
    """Yield a client of the server, which runs until the end."""
    runner = await serve(server.app(), server.port)
    http = RuntimeHttp(server.url)
    try:
        yield http
    finally:
        await http.close()
        await runner.cleanup()


def models(*names: str, owner: str = "someone", **more: Any) -> Answer:
    """An answer to ``/v1/models``."""
    return {
        "object": "list",
        "data": [{"id": name, "object": "model", "owned_by": owner, **more} for name in names],
    }
