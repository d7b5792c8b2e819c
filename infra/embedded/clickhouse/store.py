"""Leases: a slot, a handle prepared for one request, and the promise that what was begun comes to an end."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from infra.embedded.clickhouse.engine import Engine, Handle
from infra.embedded.clickhouse.failure import (
    QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING,
    TIMEOUT_EXCEEDED,
    ClickHouseError,
    refusal,
)
from infra.embedded.clickhouse.form import create, drop
from infra.embedded.clickhouse.limits import Limits
from infra.embedded.clickhouse.profile import profile
from infra.embedded.clickhouse.query import Access, Query
from infra.embedded.clickhouse.sessions import Session, Sessions
from infra.embedded.clickhouse.slots import Slots

logger = logging.getLogger(__name__)
T = TypeVar("T")

KILL_EVERY_S = 0.25
# The engine stops a query at max_execution_time; one that does not look at it is killed this much later.
GRACE_S = 2.0


@dataclass(slots=True)
class Lease:
    """What one request has of the store."""

    query: Query
    handle: Handle
    executor: ThreadPoolExecutor
    session: Session | None = None
    restore: dict[str, str] = field(default_factory=dict)
    database: str = ""
    killable: bool = True
    running: asyncio.Future[object] | None = None

    def start(self, work: Callable[..., T], *arguments: object) -> asyncio.Future[T]:
        """Run a blocking call of the handle in a thread; it goes on when the request is gone."""
        future = asyncio.get_running_loop().run_in_executor(self.executor, work, *arguments)
        self.running = future  # type: ignore[assignment]  # a Future is invariant; only its end matters here
        return future

    async def call(self, work: Callable[..., T], *arguments: object) -> T:
        """Run a blocking call and wait for it."""
        return await asyncio.shield(self.start(work, *arguments))


class Store:
    """The engine and everything that shares it out."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self.engine = engine
        self.timezone, self.display_name, self.version = engine.row(
            "SELECT timezone(), displayName(), version()"
        )
        self._limits = limits
        self._writers = Slots(limits.writers, "writing")
        self._readers = Slots(limits.readers, "read-only")
        # One thread per slot, one more each to stop what runs in it.
        self._executor = ThreadPoolExecutor(2 * (limits.writers + limits.readers), "clickhouse")
        self._sessions = Sessions(engine.handle)
        self._running: set[str] = set()
        self._endings: set[asyncio.Task[None]] = set()
        formats = "SELECT groupArray(name), groupArray(content_type) FROM system.formats"
        names, types = engine.row(formats)
        self._content_types = {name.upper(): kind for name, kind in zip(names, types, strict=True)}

    def content_type(self, fmt: str) -> str | None:
        """Return the media type of a format, or None where the engine has no such format."""
        return self._content_types.get(fmt.upper())

    @asynccontextmanager
    async def lease(self, query: Query) -> AsyncIterator[Lease]:
        """Wait for a slot and prepare a handle; what still runs at the end is killed, then the slot is free.

        Raises:
            ClickHouseError: a setting is wrong, the session is locked, no slot is free, time is up.
        """
        slots = self._writers if query.access is Access.WRITE else self._readers
        self._claim(query.query_id)
        try:
            await slots.acquire()
        except BaseException:
            self._running.discard(query.query_id)
            raise
        lease: Lease | None = None
        try:
            lease = self._open(query)
            await lease.call(_prepare, lease, self._limits)
            async with asyncio.timeout(self._longest_s(query)):
                yield lease
        except TimeoutError as exc:
            limit = self._limits.read_query_s
            raise refusal(
                TIMEOUT_EXCEEDED, "TIMEOUT_EXCEEDED", f"Timeout exceeded: maximum {limit:g} s"
            ) from exc
        finally:
            ending = asyncio.create_task(self._end(query, slots, lease))
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)
            if lease is None or lease.running is None or lease.running.done():
                await asyncio.shield(ending)

    async def close(self) -> None:
        """Wait for the last statements to end and shut the engine down."""
        if self._endings:
            await asyncio.wait(self._endings, timeout=10)
        self._sessions.close()
        await asyncio.get_running_loop().run_in_executor(self._executor, self.engine.close)
        self._executor.shutdown(wait=False)

    def _claim(self, query_id: str) -> None:
        if query_id in self._running:
            raise refusal(
                QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING,
                "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING",
                f"Query with id = {query_id} is already running",
            )
        self._running.add(query_id)

    def _open(self, query: Query) -> Lease:
        # A guarded reader gets no session: what it could leave there, or find there, is not its business.
        if query.session is None or query.access is Access.PEOPLE:
            return Lease(query, self.engine.handle(), self._executor)
        session = self._sessions.take(query.session)
        return Lease(query, session.handle, self._executor, session)

    def _longest_s(self, query: Query) -> float | None:
        return None if query.access is Access.WRITE else self._limits.read_query_s + GRACE_S

    async def _end(self, query: Query, slots: Slots, lease: Lease | None) -> None:
        try:
            if lease is not None:
                await self._stop(lease)
                await asyncio.get_running_loop().run_in_executor(self._executor, _clean, lease)
                self._leave_session(lease)
        except ClickHouseError:
            logger.exception("a handle could not be cleaned after query %s", query.query_id)
            if lease is not None and lease.session is not None:
                self._sessions.end(lease.session)
        finally:
            self._running.discard(query.query_id)
            slots.release()

    async def _stop(self, lease: Lease) -> None:
        while lease.running is not None and not lease.running.done():
            if lease.killable:
                await asyncio.get_running_loop().run_in_executor(
                    self._executor, self.engine.kill, lease.query.query_id
                )
            await asyncio.wait([lease.running], timeout=KILL_EVERY_S)
        if lease.running is not None:
            lease.running.exception()

    def _leave_session(self, lease: Lease) -> None:
        if lease.session is None or lease.query.session is None:
            return
        if lease.query.close_session:
            self._sessions.end(lease.session)
        else:
            self._sessions.release(lease.session, lease.query.session.timeout_s)


def _prepare(lease: Lease, limits: Limits) -> None:
    """Set what the request asks for; in a session remember what was there."""
    query, handle = lease.query, lease.handle
    settings = profile(query, limits, in_session=lease.session is not None)
    if lease.session is not None:
        lease.database = handle.database()
        lease.restore = handle.current(list(settings))
    if query.database:
        handle.use(query.database)
    create(handle, query.tables)
    handle.set(settings)


def _clean(lease: Lease) -> None:
    """Leave nothing behind: drop the handle, or what was set on a session's."""
    if lease.session is None:
        lease.handle.close()
        return
    lease.handle.set(lease.restore)
    drop(lease.handle, lease.query.tables)
    if lease.query.database and lease.database:
        lease.handle.use(lease.database)
