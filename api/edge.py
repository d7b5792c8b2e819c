"""What every request passes before anything reads it: Host, key, size; and the headers every answer carries.

Plain ASGI, so that streams pass through untouched.
"""

import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import Key, KeyRing, presented
from api.metrics import ApiMetrics
from api.problem import Problem

BODY_BYTES = 256 << 10
"""Most bytes in the body of a request; the longest is a query."""

KEY = "key"
"""Under this name the state of a request has the ``Key`` it came with; no name where none is needed."""

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_OPEN = frozenset({"/healthz"})
"""Paths that need no key: they tell nothing but that the process lives."""

_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Edge:
    """Refuses what must not reach the application, and counts what does."""

    def __init__(self, app: ASGIApp, *, metrics: ApiMetrics, keys: KeyRing | None, local: bool) -> None:
        """Wrap ``app``.

        Args:
            app: the application.
            metrics: where requests are counted.
            keys: keys that are accepted; None where none is needed.
            local: only names of this machine are accepted as Host, so that a page in a browser cannot reach
                the API through a name of its own that points here.
        """
        self._app = app
        self._metrics = metrics
        self._keys = keys
        self._local = local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                self._count(scope, message["status"], time.perf_counter() - started)
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, _Limited(receive), send_with_headers)
        except Problem as exc:
            headers = {"WWW-Authenticate": "Bearer"} if exc.status == 401 else None
            await exc.answer(headers=headers)(scope, receive, send_with_headers)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if self._local and _host(headers.get("host", "")) not in _LOCAL_NAMES:
            raise Problem(
                421, "wrong-host", f"the Host {headers.get('host', '')!r} is not this machine",
                "call the API by 127.0.0.1 or localhost, or let it listen elsewhere (setting api.host)",
            )  # fmt: skip
        if self._keys and scope["path"] not in _OPEN:
            self._let_in(self._keys.find(presented(headers)), scope)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BODY_BYTES:
            raise _too_large()

    def _let_in(self, key: Key | None, scope: Scope) -> None:
        if key is None:
            raise Problem(
                401, "key-needed", "this API needs a key",
                "send `Authorization: Bearer KEY`; `penstock keys create NAME` makes one",
            )  # fmt: skip
        scope.setdefault("state", {})[KEY] = key

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        # The route as declared, never the path: labels must not grow with what people ask for.
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if route != "none" else "any"
        self._metrics.requests.labels(route, method, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)


class _Limited:
    """Counts the bytes of a body that tells no length."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._seen = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > BODY_BYTES:
            raise _too_large()
        return message


def _too_large() -> Problem:
    return Problem(413, "body-too-large", f"a request may have {BODY_BYTES} bytes", "send less")


def _host(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""
