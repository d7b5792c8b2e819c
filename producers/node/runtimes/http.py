"""Asks a runtime over HTTP, and trusts nothing of the answer: not its size, its time, nor that it is JSON."""

import asyncio
import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import aiohttp

from schemas.events.reading import NAN

REQUEST_S = 2.0
# The largest answer that means something: a list of some thousand models.
LIMIT_BYTES = 4 << 20


class NobodyThere(Exception):
    """Nothing listens at the address."""


class BadAnswer(Exception):
    """Something answers, and not sensibly; the text says how."""


class Answer(NamedTuple):
    """An answer as it came; ``server`` is the header that names the program."""

    status: int
    server: str
    content: bytes


class RuntimeHttp:
    """A client of one runtime, by aiohttp: httpx took the agent two and a half times the CPU.

    Proxies of the environment are for the world outside, not for this node.
    """

    def __init__(self, url: str, token: str = "") -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def json(self, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """Return the JSON object at a path; a body makes it a POST.

        Raises:
            NobodyThere: the connection is refused.
            BadAnswer: anything else that is not a JSON object within ``REQUEST_S`` and ``LIMIT_BYTES``.
        """
        found = await self.value(path, body)
        if not isinstance(found, dict):
            raise BadAnswer(f"the answer to {path} is not a JSON object")
        return found

    async def value(
        self, path: str, body: Mapping[str, Any] | None = None, timeout_s: float = REQUEST_S
    ) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Return what the JSON at a path holds; raises as ``json`` does."""
        try:
            return json.loads((await self._ok(path, body, timeout_s)).content)
        except (ValueError, RecursionError) as exc:
            raise BadAnswer(f"the answer to {path} is not JSON") from exc

    async def page(self, path: str) -> str:
        """Return the text at a path, its bad bytes replaced; raises as ``json`` does."""
        return (await self._ok(path, None, REQUEST_S)).content.decode("utf-8", "replace")

    async def answer(
        self, path: str, body: Mapping[str, Any] | None = None, timeout_s: float = REQUEST_S
    ) -> Answer:
        """Return whatever is answered, errors included.

        Raises:
            NobodyThere: the connection is refused.
            BadAnswer: no HTTP, too late or too large.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._answer(path, body)
        except TimeoutError as exc:
            raise BadAnswer(f"no answer to {path} within {timeout_s:g} s") from exc
        except aiohttp.ClientConnectorError as exc:
            raise NobodyThere(f"nothing listens at {self._url}") from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            raise BadAnswer(f"{path}: {type(exc).__name__} {exc}") from exc

    async def _ok(self, path: str, body: Mapping[str, Any] | None, timeout_s: float) -> Answer:
        answer = await self.answer(path, body, timeout_s)
        if answer.status != HTTPStatus.OK:
            raise BadAnswer(f"{path} answers {answer.status}")
        return answer

    async def _answer(self, path: str, body: Mapping[str, Any] | None) -> Answer:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers, timeout=aiohttp.ClientTimeout(total=None), trust_env=False
            )
        method, url = "GET" if body is None else "POST", f"{self._url}{path}"
        async with self._session.request(method, url, json=body, allow_redirects=False) as answer:
            content = bytearray()
            async for part in answer.content.iter_any():
                content += part
                if len(content) > LIMIT_BYTES:
                    raise BadAnswer(f"the answer to {path} is larger than {LIMIT_BYTES} bytes")
            return Answer(answer.status, answer.headers.get("Server", ""), bytes(content))


def number(value: Any) -> float:  # noqa: ANN401 - whatever JSON holds
    """Return a finite number that is not negative, else NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return NAN
    try:
        found = float(value)
    except OverflowError:
        return NAN
    return found if math.isfinite(found) and found >= 0 else NAN


def text(value: Any) -> str:  # noqa: ANN401
    """Return a text, else nothing."""
    return value if isinstance(value, str) else ""


def items(value: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401
    """Return the objects of a list, else none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401
    """Return an object, else an empty one."""
    return value if isinstance(value, dict) else {}
