"""ClickHouse over HTTP, as the API needs it: small texts, and bodies that are passed on as they come."""

import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx

from schemas.errors import PenstockError, UnavailableError
from schemas.settings import ClickHouseSettings

CONNECT_S = 5.0
# The embedded store goes by the header, a server by the setting: 2 lets the request's other settings through.
READONLY_HEADER = "X-Penstock-Readonly"
READ_ONLY = {"readonly": "2"}
_CODE = re.compile(
    r"Code: (\d+)\. ?(?:DB::Exception: )?(.*?)(?: \(([A-Z][A-Z0-9_]+)\))?(?: \(version .*\))?\s*$", re.S
)


class StoreError(PenstockError):
    """The engine refused or broke off a query.

    ``code`` and ``name`` are the engine's (``62``, ``SYNTAX_ERROR``); 0 and empty where it gave none.
    """

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.name = name
        self.message = message


class Store:
    """The HTTP interface of one ClickHouse, embedded or not."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self.database = settings.database
        self.url = settings.url
        self._http = httpx.AsyncClient(
            base_url=settings.url,
            verify=ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else True,
            timeout=httpx.Timeout(60.0, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=64),
            headers=_identity(settings),
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def text(self, sql: str, options: Mapping[str, str] | None = None, *, readonly: bool = True) -> str:
        """Return the whole answer to ``sql``.

        Args:
            sql: the statement, values quoted by ``quote`` or given as ``param_`` options.
            options: parameters of the request: settings, ``param_...``, ``query_id``.
            readonly: ask on a handle that cannot write.

        Raises:
            StoreError: the engine refused it.
            UnavailableError: nobody answers.
        """
        async with self.stream(sql, options, readonly=readonly) as answer:
            return (await _read(answer)).decode()

    @asynccontextmanager
    async def stream(
        self,
        sql: str,
        options: Mapping[str, str] | None = None,
        *,
        readonly: bool = True,
        timeout_s: float = 60.0,
    ) -> AsyncIterator[httpx.Response]:
        """Give the answer to ``sql`` while it comes; raises as ``text`` does."""
        try:
            async with self._http.stream(
                "POST",
                "/",
                params={"database": self.database, **(READ_ONLY if readonly else {}), **(options or {})},
                content=sql.encode(),
                headers={READONLY_HEADER: "1"} if readonly else {},
                timeout=httpx.Timeout(timeout_s, connect=CONNECT_S),
            ) as answer:
                if not answer.is_success:
                    raise error_of(await _read(answer), answer.headers)
                yield answer
        except httpx.HTTPError as exc:
            raise self._away(exc) from exc

    def _away(self, exc: httpx.HTTPError) -> UnavailableError:
        detail = str(exc) or type(exc).__name__
        return UnavailableError(f"ClickHouse at {self.url} does not answer: {detail}")


def quote(text: str) -> str:
    """Return ``text`` as a literal of the engine's SQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0")
    return f"'{escaped}'"


def error_of(body: bytes, headers: Mapping[str, str]) -> StoreError:
    """Return the engine's error from the body and headers of an answer."""
    text = body.decode(errors="replace").strip()
    found = _CODE.search(text)
    code = int(headers.get("X-ClickHouse-Exception-Code", "0") or 0)
    if not found:
        return StoreError(code, "", text[:1000] or "ClickHouse gave no reason")
    return StoreError(int(found.group(1)), found.group(3) or "", found.group(2).strip()[:2000])


async def _read(answer: httpx.Response) -> bytes:
    await answer.aread()
    return answer.content


def _identity(settings: ClickHouseSettings) -> dict[str, str]:
    headers = {"X-ClickHouse-User": settings.username}
    if settings.password.get_secret_value():
        headers["X-ClickHouse-Key"] = settings.password.get_secret_value()
    return headers
