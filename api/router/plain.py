"""The endpoints that list and show, served like the others without a framework."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

import orjson
from starlette.types import Receive, Scope, Send

from api.router import answer, body, errors
from api.router.ask import Dialect
from api.router.endpoints import ENDPOINTS
from api.router.house import House
from api.router.listings import Listings
from api.router.serving import Serving
from api.router.upstream.fault import Fault

_MODEL = "/v1/models/"
_SHOW = "/api/show"
_ROOT = "/"
_SHOW_BYTES = 64 << 10
_GREETING = b"Penstock is running"


class Plain:
    """Answers what is not asked of a model."""

    def __init__(self, house: House, serving: Serving, listings: Listings) -> None:
        self._house = house
        self._serving = serving
        self._listings = listings
        self._listed: Mapping[str, tuple[Dialect, Callable[[], Any]]] = {
            "/v1/models": (Dialect.OPENAI, listings.models),
            "/api/tags": (Dialect.OLLAMA, listings.tags),
            "/api/ps": (Dialect.OLLAMA, listings.running),
            "/api/version": (Dialect.OLLAMA, listings.version),
        }

    def serves(self, path: str) -> bool:
        """Tell whether a path is one of these, or of the endpoints that ask a model."""
        named = path in self._listed or path in ENDPOINTS or path in (_SHOW, _ROOT)
        return named or path.startswith((_MODEL, "/v1/", "/api/"))

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path, given = scope["path"], dict(scope["headers"])
        dialect = Dialect.OPENAI if path.startswith("/v1") else Dialect.OLLAMA
        if await self._serving.enter(dialect, given, send) is None:
            return
        reads = scope["method"] in ("GET", "HEAD")
        if path == _SHOW and scope["method"] == "POST":
            await self._show(await body.read(receive, given, limit=_SHOW_BYTES), send)
        elif path == _ROOT and reads:
            await answer.whole(send, 200, b"text/plain; charset=utf-8", [], _GREETING)
        elif path in self._listed and reads:
            await answer.whole(send, 200, answer.JSON, [], orjson.dumps(self._listed[path][1]()))
        elif path.startswith(_MODEL) and reads:
            await self._model(unquote(path.removeprefix(_MODEL)), send)
        elif path in ENDPOINTS or path in self._listed or path in (_SHOW, _ROOT):
            await self._serving.refuse(send, dialect, 405, f"{scope['method']} is not possible on {path}")
        else:
            await self._serving.refuse(send, dialect, 404, f"there is nothing at {path}")

    async def _model(self, name: str, send: Send) -> None:
        found = self._listings.model(name)
        if found is None:
            await self._unknown(Dialect.OPENAI, name, send)
        else:
            await answer.whole(send, 200, answer.JSON, [], orjson.dumps(found))

    async def _show(self, asked: bytes, send: Send) -> None:
        try:
            fields = orjson.loads(asked)
            name = fields.get("model") or fields.get("name")
        except (orjson.JSONDecodeError, AttributeError):
            fields, name = {}, None
        if not isinstance(name, str):
            await self._serving.refuse(send, Dialect.OLLAMA, 400, "model is required, and is a text")
            return
        upstream = self._listings.shower(name)
        try:
            shown = (
                await self._house.client.ask(upstream, _SHOW, fields)
                if upstream
                else self._listings.shown(name)
            )
        except Fault as exc:
            message = errors.message_of(exc.answer) or exc.message
            await self._serving.refuse(send, Dialect.OLLAMA, exc.status, message)
            return
        if shown is None:
            await self._unknown(Dialect.OLLAMA, name, send)
        else:
            await answer.whole(send, 200, answer.JSON, [], orjson.dumps(shown))

    async def _unknown(self, dialect: Dialect, name: str, send: Send) -> None:
        message = f"model {name!r} not found"
        content = errors.body(dialect, 404, message, param="model", code="model_not_found")
        await answer.whole(send, 404, answer.JSON, [], content)
