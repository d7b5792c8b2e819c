"""Sessions: a handle kept between requests, so that SET, USE and temporary tables last."""

import asyncio
from collections.abc import Callable

from infra.embedded.clickhouse.engine import Handle
from infra.embedded.clickhouse.failure import (
    SESSION_IS_LOCKED,
    SESSION_NOT_FOUND,
    TOO_MANY_SIMULTANEOUS_QUERIES,
    refusal,
)
from infra.embedded.clickhouse.query import SessionWish

MAX_SESSIONS = 1000


class Session:
    """One client's handle; one request at a time has it."""

    def __init__(self, id_: str, handle: Handle) -> None:
        self.id = id_
        self.handle = handle
        self.busy = True
        self.expiry: asyncio.TimerHandle | None = None


class Sessions:
    """All sessions of the store."""

    def __init__(self, open_handle: Callable[[], Handle]) -> None:
        self._open_handle = open_handle
        self._by_id: dict[str, Session] = {}

    def take(self, wish: SessionWish) -> Session:
        """Find or make the session and lock it.

        Raises:
            ClickHouseError: another request has it, or it must exist and does not, or there are too many.
        """
        session = self._by_id.get(wish.id)
        if session is None:
            return self._make(wish)
        if session.busy:
            raise refusal(
                SESSION_IS_LOCKED, "SESSION_IS_LOCKED", f"Session {wish.id} is locked by a concurrent client"
            )
        if session.expiry is not None:
            session.expiry.cancel()
        session.busy = True
        return session

    def release(self, session: Session, timeout_s: float) -> None:
        """Unlock it; unused for ``timeout_s`` it ends."""
        session.busy = False
        session.expiry = asyncio.get_running_loop().call_later(timeout_s, self.end, session)

    def end(self, session: Session) -> None:
        """Close its handle and forget it."""
        if session.expiry is not None:
            session.expiry.cancel()
        if self._by_id.pop(session.id, None) is not None:
            session.handle.close()

    def close(self) -> None:
        """End them all."""
        for session in list(self._by_id.values()):
            self.end(session)

    def _make(self, wish: SessionWish) -> Session:
        if wish.must_exist:
            raise refusal(SESSION_NOT_FOUND, "SESSION_NOT_FOUND", f"Session {wish.id} not found")
        if len(self._by_id) >= MAX_SESSIONS:
            raise refusal(
                TOO_MANY_SIMULTANEOUS_QUERIES,
                "TOO_MANY_SIMULTANEOUS_QUERIES",
                f"Too many sessions: {MAX_SESSIONS} are open",
            )
        session = Session(wish.id, self._open_handle())
        self._by_id[wish.id] = session
        return session
