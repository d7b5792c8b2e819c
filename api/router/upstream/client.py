"""Asks upstreams over HTTP. One pool of connections for all, without a ceiling: the queue is what limits."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import orjson
from yarl import URL

from api.router.errors import message_of
from api.router.seams import Upstream
from api.router.upstream.fault import Fault

KEEP_S = 4.0
"""How long an idle connection is kept; vLLM, like other servers on uvicorn, closes it after 5 s."""
ERROR_BYTES = 64 << 10
"""Most bytes read of an upstream's error."""
_ASKING_S = 5.0


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
        self._urls: dict[tuple[str, str], URL] = {}
        self._headers: dict[str, Mapping[str, str]] = {}

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def post(self, upstream: Upstream, path: str, body: bytes) -> aiohttp.ClientResponse:
        """Send a request on, and return the answer as soon as its headers are there.

        Raises:
            Fault: there is no answer.
        """
        try:
            return await self._session.post(
                self._url(upstream, path),
                data=body,
                headers=self._headers_of(upstream),
                allow_redirects=False,
            )
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
        response = await self.post(upstream, path, orjson.dumps(body))
        try:
            if response.status != 200:
                answer = await response.content.read(ERROR_BYTES)
                raise Fault(message_of(answer) or f"{upstream.id} answered {response.status}")
            async for line in response.content:
                if line.strip():
                    yield orjson.loads(line)
        except (aiohttp.ClientError, ValueError) as exc:
            raise Fault(f"{upstream.id} broke off: {_reason(exc)}") from exc
        finally:
            response.close()

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


def _reason(exc: BaseException) -> str:
    return str(exc) or type(exc).__name__
