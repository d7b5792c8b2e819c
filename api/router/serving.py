"""The serving path: from a request of HTTP to an exchange. Plain ASGI; nothing of a framework runs here."""

import asyncio
import logging
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

from api.router import answer, body, errors, headers, request
from api.router.ask import Ask, Caller, Dialect
from api.router.endpoints import Endpoint
from api.router.errors import Declined
from api.router.exchange import Exchange
from api.router.flight import Flight
from api.router.house import House
from api.router.outcome import Outcome
from api.router.protocol import ABORT
from api.router.seams import Finish

logger = logging.getLogger(__name__)

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_MOST_HOSTS = 64


class Serving:
    """Serves requests for models."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._hosts: set[bytes] = set()

    async def serve(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        given = dict(scope["headers"])
        caller = await self.enter(endpoint.dialect, given, send)
        if caller is None:
            return
        settings = self._house.settings
        read = b""
        try:
            read = await body.read(receive, given, limit=settings.body_bytes)
            ask = request.read(endpoint, given, read, caller)
            if self._house.stopping:
                raise Declined(Outcome.ROUTER_STOPPED, 503, "the router is stopping; ask again")
        except body.ClientLeftError:
            return  # nothing was asked
        except Declined as exc:
            await self._decline(request.blank(endpoint, caller, read), exc, send)
            return
        except Exception as exc:
            logger.exception("a request could not be read by an error of the router")
            error = f"an error of the router: {type(exc).__name__}; see its log"
            declined = Declined(Outcome.REJECTED_INVALID, 500, error)
            await self._decline(request.blank(endpoint, caller, read), declined, send)
            return
        task = asyncio.current_task()
        assert task is not None  # an ASGI server runs each request in one
        abort = scope.get("extensions", {}).get(ABORT, {}).get(ABORT)
        await Exchange(self._house, ask, receive, send, Flight(ask, task, abort)).run()

    async def enter(self, dialect: Dialect, given: dict[bytes, bytes], send: Send) -> Caller | None:
        """Return who asks; None where it was told that it may not."""
        if self._house.local and not self._is_local(given.get(b"host", b"")):
            await self.refuse(send, dialect, 421, "this router is called by 127.0.0.1 or localhost")
            return None
        caller = self._house.gate.identify(given)
        if caller is None:
            await self.refuse(send, dialect, 401, "this router needs a key: send Authorization: Bearer KEY")
        return caller

    async def refuse(self, send: Send, dialect: Dialect, status: int, message: str) -> None:
        """Answer a request that is not recorded: it never came in."""
        await answer.whole(send, status, answer.JSON, [], errors.body(dialect, status, message))

    async def _decline(self, ask: Ask, exc: Declined, send: Send) -> None:
        recorder = self._house.recorder
        recorder.received(ask)
        try:
            told = headers.answered(ask.request_id, "", None)
            content = errors.body(ask.dialect, exc.status, exc.message, param=exc.param, code=exc.code)
            # What the client still sends is not read; the connection cannot be used again.
            closing = [(b"connection", b"close")] if exc.status in (413, 503) else []
            await answer.whole(send, exc.status, answer.JSON, told + closing, content)
        finally:
            recorder.finished(ask, Finish(exc.outcome, exc.status, error=exc.message))

    def _is_local(self, host: bytes) -> bool:
        """Tell whether a Host is this machine, so that no page in a browser gets in by a name of its own."""
        if host in self._hosts:
            return True
        try:
            name = urlsplit(b"//" + host).hostname or b""
        except ValueError:
            return False
        local = name.decode("latin-1") in _LOCAL_NAMES
        if local and len(self._hosts) < _MOST_HOSTS:
            self._hosts.add(host)
        return local
