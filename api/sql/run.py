"""Run people's SQL: have it judged, run it within limits, pass the answer on, end it when nobody waits."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson

from api.sql import limits
from api.sql.formats import Format, with_last_field
from api.sql.guard import check_clauses, judge
from api.sql.parameters import Value, options
from api.sql.policy import Engine, Policy
from api.store import Store, StoreError, quote
from schemas.errors import PenstockError, UnavailableError
from schemas.settings import ApiSettings

logger = logging.getLogger(__name__)

_NAMES_KEPT_S = 30.0
_NAMES = (
    "SELECT groupArray(lower(name)), (SELECT groupArray(name) FROM system.databases) FROM system.functions"
)
_CHUNK_BYTES = 64 << 10
# Beyond the engine's own limit, so that the engine is the one that speaks.
_SLACK_S = 10.0


@dataclass(frozen=True, slots=True)
class Question:
    """A query as somebody asked it."""

    query: str
    format: Format
    max_rows: int
    parameters: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back; ``truncated`` tells that there are more rows than ``max_rows``."""

    query_id: str
    rows: int | None
    max_rows: int
    truncated: bool
    chunks: AsyncIterator[bytes]


class SqlService:
    """Runs ad-hoc queries on the store."""

    def __init__(self, store: Store, settings: ApiSettings) -> None:
        self._store = store
        self._settings = settings
        self._places = asyncio.Semaphore(limits.AT_ONCE)
        self._waiting = 0
        self._names: tuple[float, Engine] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    async def check(self, query: str, parameters: Mapping[str, Value] | None = None) -> str:
        """Return the canonical text of a query that may run.

        Raises:
            QueryRefusedError: it may not.
            StoreError: the engine cannot read it.
            UnavailableError: the engine cannot be asked.
            ValueError: a parameter cannot be used.
        """
        canonical = (
            await self._store.text(f"SELECT formatQuery({quote(query)}) FORMAT TSVRaw")
        ).removesuffix("\n")
        values = options(parameters or {})
        check_clauses(canonical)
        listing = await self._store.text(f"EXPLAIN AST {canonical}", values | {"default_format": "TSVRaw"})
        judge(canonical, listing, Policy(self._store.database, await self._engine()))
        return canonical

    @asynccontextmanager
    async def run(self, question: Question) -> AsyncIterator[Answer]:
        """Give the answer to a question while it comes; leaving early ends the query in the engine too.

        Raises:
            QueryRefusedError, UnavailableError, ValueError: as ``check``.
            StoreError: the engine cannot read the query, or it met one of the limits.
        """
        async with self._place():
            canonical = await self.check(question.query, question.parameters)
            query_id = f"penstock-sql-{uuid.uuid4()}"
            try:
                async with self._ask(canonical, question, query_id) as answer:
                    yield answer
            except StoreError:
                raise  # it has ended already
            except BaseException:
                self._end_later(query_id)
                raise

    async def close(self) -> None:
        """Wait until queries that were left have been ended."""
        await asyncio.gather(*self._ending, return_exceptions=True)

    @asynccontextmanager
    async def _ask(self, canonical: str, question: Question, query_id: str) -> AsyncIterator[Answer]:
        asked = options(question.parameters) | limits.settings(self._settings, question.max_rows)
        asked |= {"query_id": query_id, "default_format": question.format.engine}
        timeout_s = self._settings.sql_max_seconds + _SLACK_S
        async with self._store.stream(canonical, asked, timeout_s=timeout_s) as answer:
            rows = _rows(answer.headers)
            truncated = await self._has_more(canonical, question, rows)
            chunks = answer.aiter_bytes(_CHUNK_BYTES)
            if question.format.is_object:
                chunks = with_last_field(chunks, b'"truncated":' + (b"true" if truncated else b"false"))
            yield Answer(query_id, rows, question.max_rows, truncated, chunks)

    async def _has_more(self, canonical: str, question: Question, rows: int | None) -> bool:
        """Tell whether the query has a row beyond the limit: asked only where the limit was reached."""
        if rows is not None and rows < question.max_rows:
            return False
        asked = options(question.parameters) | limits.settings(self._settings, 1)
        asked |= {"offset": str(question.max_rows), "default_format": "TSV"}
        return bool(await self._store.text(canonical, asked))

    async def _engine(self) -> Engine:
        """Return the names of the engine's functions and databases, not older than half a minute."""
        now = time.monotonic()
        if self._names is None or now - self._names[0] > _NAMES_KEPT_S:
            row = await self._store.text(_NAMES + " FORMAT JSONCompactEachRow")
            functions, databases = orjson.loads(row)
            self._names = now, Engine(frozenset(functions), frozenset(databases))
        return self._names[1]

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """Hold one of the places for queries that run at once."""
        if self._waiting >= limits.WAITING:
            raise UnavailableError("too many ad-hoc queries are waiting", retry_after_s=5.0)
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()

    def _end_later(self, query_id: str) -> None:
        # A task of its own: whoever left may have cancelled us, and then nothing can be awaited here.
        task = asyncio.create_task(self._end(query_id))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, query_id: str) -> None:
        try:
            await self._store.text(f"KILL QUERY WHERE query_id = {quote(query_id)} ASYNC", readonly=False)
        except PenstockError as exc:
            logger.warning("the query %s could not be ended: %s", query_id, exc)


def _rows(headers: Mapping[str, str]) -> int | None:
    """Return the number of result rows, where the engine tells it before the body."""
    try:
        return int(orjson.loads(headers.get("X-ClickHouse-Summary", "{}"))["result_rows"])
    except (KeyError, TypeError, ValueError):
        return None
