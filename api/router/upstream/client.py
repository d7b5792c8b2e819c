"""Asks upstreams over HTTP, on connections without a ceiling: the queue is what limits."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from yarl import URL

from api.router.errors import message_of
from api.router.relay.relay import BrokenAnswerError, Events
from api.router.seams import Upstream
from api.router.upstream.answer import AiohttpAnswer, Answer
from api.router.upstream.fault import Fault
from api.router.upstream.whole import read
from api.router.upstream.wire import Wires

KEEP_S = 4.0
"""How long an idle connection is kept; vLLM, like other servers on uvicorn, closes it after 5 s."""
ERROR_BYTES = 64 << 10
"""Most bytes read of an upstream's error."""
_ASKING_S = 5.0


_MOST_WAYS = 10_000


@dataclass(frozen=True, slots=True)
class _Way:
    """Connections, and what each request begins with, up to its length; None: aiohttp carries it."""

    wires: Wires | None
    head: bytes


class Client:
    """Must be made inside an event loop."""

    def __init__(self, *, connect_timeout_s: float) -> None:
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_s)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_S, ttl_dns_cache=60),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            skip_auto_headers=("User-Agent", "Accept"),
            trust_env=False,
        )
        self._asking = aiohttp.ClientTimeout(total=_ASKING_S)
        self._connect_timeout_s = connect_timeout_s
        self._ways: dict[tuple[Upstream, str], _Way] = {}
        self._wires: dict[str, Wires] = {}
        self._urls: dict[tuple[str, str], URL] = {}
        self._headers: dict[str, Mapping[str, str]] = {}

    async def close(self) -> None:
        """Close every connection."""
        for wires in self._wires.values():
            wires.close()
        await self._session.close()

    async def post(self, upstream: Upstream, path: str, body: bytes) -> Answer:
        """Send a request on, and return the answer as soon as its headers are there.

        Raises:
            Fault: there is no answer.
        """
        way = self._ways.get((upstream, path)) or self._way(upstream, path)
        if way.wires is None:
            return await self._carried(upstream, path, body)
        wire = await way.wires.take()
        await wire.post(b"%b%d\r\n\r\n%b" % (way.head, len(body), body))
        return wire

    async def _carried(self, upstream: Upstream, path: str, body: bytes) -> Answer:
        try:
            response = await self._session.post(
                self._url(upstream, path),
                data=body,
                headers=self._headers_of(upstream),
                allow_redirects=False,
            )
            return AiohttpAnswer(response)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as exc:
            raise Fault(f"{upstream.id} cannot be reached: {_reason(exc)}", unreached=True) from exc
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as exc:
            raise Fault(f"{upstream.id} closed the connection without an answer", dropped=True) from exc
        except (aiohttp.ClientError, TimeoutError, ValueError) as exc:
            raise Fault(f"{upstream.id} gave no answer of HTTP: {_reason(exc)}") from exc

    async def ask(self, upstream: Upstream, path: str, body: Any = None) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON that an upstream answers to a short question: GET, or POST where there is a body.

        Raises:
            Fault: there is none.
        """
        method = "GET" if body is None else "POST"
        try:
            async with self._session.request(
                method,
                self._url(upstream, path),
                json=body,
                headers=self._key_of(upstream),
                timeout=self._asking,
                allow_redirects=False,
            ) as answer:
                if answer.status != 200:
                    raise Fault(
                        f"{upstream.id} answered {answer.status} to {path}",
                        status=answer.status,
                        answer=await answer.content.read(ERROR_BYTES),
                    )
                return await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as exc:
            raise Fault(f"{upstream.id} does not say what it has: {_reason(exc)}", unreached=True) from exc

    async def lines(
        self, upstream: Upstream, path: str, body: Mapping[str, Any]
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Yield the JSON objects of an answer that has one on each line, for as long as it takes.

        Raises:
            Fault: there is no such answer, or it breaks off.
        """
        answer = await self.post(upstream, path, orjson.dumps(body))
        lines = Events(lines=True)
        try:
            if answer.status != 200:
                told = await read(answer, upstream.id, limit=ERROR_BYTES, cut=True, heard=_nobody)
                raise Fault(message_of(told) or f"{upstream.id} answered {answer.status}")
            while piece := await answer.readany():
                for line in lines.feed(piece).splitlines():
                    if line.strip():
                        yield orjson.loads(line)
        except (aiohttp.ClientError, OSError, ValueError, BrokenAnswerError) as exc:
            raise Fault(f"{upstream.id} broke off: {_reason(exc)}") from exc
        finally:
            answer.done()

    def _way(self, upstream: Upstream, path: str) -> "_Way":
        """Return how an upstream is asked: plainly where it is plain http, else as aiohttp does."""
        url = self._url(upstream, path)
        if url.scheme != "http" or url.user is not None or not url.host:
            way = _Way(None, b"")
        else:
            key = f"Authorization: Bearer {upstream.key}\r\n" if upstream.key else ""
            head = (
                f"POST {url.raw_path_qs} HTTP/1.1\r\nHost: {url.host_port_subcomponent}\r\n{key}"
                "Content-Type: application/json\r\nAccept-Encoding: identity\r\nContent-Length: "
            )
            way = _Way(self._wires_to(upstream, url.host, url.port or 80), head.encode("latin-1"))
        if len(self._ways) >= _MOST_WAYS:  # upstreams come and go
            self._ways.clear()
        self._ways[upstream, path] = way
        return way

    def _wires_to(self, upstream: Upstream, host: str, port: int) -> Wires:
        found = self._wires.get(upstream.base_url)
        if found is None:
            found = self._wires[upstream.base_url] = Wires(
                upstream.id, host, port, connect_timeout_s=self._connect_timeout_s, keep_s=KEEP_S
            )
        return found

    def _url(self, upstream: Upstream, path: str) -> URL:
        found = self._urls.get((upstream.base_url, path))
        if found is None:
            found = self._urls[upstream.base_url, path] = URL(upstream.base_url.rstrip("/") + path)
        return found

    def _headers_of(self, upstream: Upstream) -> Mapping[str, str]:
        found = self._headers.get(upstream.key)
        if found is None:
            # A compressed answer would have to be opened to be read; the upstream is told not to.
            plain = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
            found = self._headers[upstream.key] = {**plain, **self._key_of(upstream)}
        return found

    def _key_of(self, upstream: Upstream) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {upstream.key}"} if upstream.key else {}


def _nobody() -> None:
    """Hear that some of an answer has come."""


def _reason(exc: BaseException) -> str:
    return str(exc) or type(exc).__name__
