"""Requests under way, and what stops them: a client that leaves, an upstream that falls silent, the end."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from api.router.ask import Ask
from api.router.seams import Choice

logger = logging.getLogger(__name__)


LOOK_S = 0.01
"""How often it is looked for requests that last."""


class Phase(Enum):
    """What a request waits for."""

    QUEUED = auto()
    UPSTREAM = auto()
    """The first bytes of an answer."""
    NEXT = auto()
    """The next bytes of it."""
    CLIENT = auto()
    """That the client reads."""


class Stop(Enum):
    """Why a request is stopped."""

    LEFT = auto()
    SILENT = auto()
    STALLED = auto()
    SHUTDOWN = auto()


class Flight:
    """One request under way; ``since_s`` is when its phase began, or its last bytes came.

    ``abort`` ends the client's connection at once, where the server can do that.
    """

    __slots__ = ("abort", "ask", "choice", "closed", "phase", "since_s", "stopped", "task")

    def __init__(
        self, ask: Ask, task: "asyncio.Task[object]", abort: Callable[[], None] | None = None
    ) -> None:
        self.ask = ask
        self.abort = abort
        self.task = task
        self.phase = Phase.QUEUED
        self.since_s = ask.received_s
        self.choice: Choice | None = None
        self.stopped: Stop | None = None
        self.closed = False

    def now(self, phase: Phase) -> None:
        """Enter a phase."""
        self.phase = phase
        self.since_s = time.monotonic()

    def stop(self, why: Stop) -> None:
        """Interrupt the request, unless it is over or was stopped before."""
        if not self.closed and self.stopped is None:
            self.stopped = why
            self.task.cancel()

    def resume(self) -> None:
        """Go on after an interruption that has been dealt with."""
        self.stopped = None
        self.task.uncancel()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request may be in each phase, seconds; the queue has limits of its own."""

    upstream_s: float
    next_s: float
    client_s: float


class Flights:
    """All requests under way. The reaper looks at them; that is cheaper than a timer for each piece."""

    def __init__(self, patience: Patience) -> None:
        self._flights: set[Flight] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._lasting: deque[tuple[float, Flight, Callable[[], None]]] = deque()
        self._looks = False
        self._limits = {
            Phase.UPSTREAM: (patience.upstream_s, Stop.SILENT),
            Phase.NEXT: (patience.next_s, Stop.SILENT),
            Phase.CLIENT: (patience.client_s, Stop.STALLED),
        }
        self._interval_s = min(1.0, *(limit / 4 for limit, _ in self._limits.values()))

    def __iter__(self) -> Iterator[Flight]:
        return iter(tuple(self._flights))

    def __len__(self) -> int:
        return len(self._flights)

    def add(self, flight: Flight) -> None:
        """Take in a request."""
        if not self._flights:
            self._empty.clear()
        self._flights.add(flight)

    def remove(self, flight: Flight) -> None:
        """Let go of one that is over."""
        self._flights.discard(flight)
        if not self._flights:
            self._empty.set()

    def after(self, seconds: float, flight: Flight, then: Callable[[], None]) -> None:
        """Call ``then`` when a request is still under way after so many seconds, which are all alike.

        One timer serves all of them: most requests are over before, and a timer of each takes longer.
        """
        self._lasting.append((time.monotonic() + seconds, flight, then))
        if not self._looks:
            self._looks = True
            asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        now_s, lasting = time.monotonic(), self._lasting
        while lasting and (lasting[0][0] <= now_s or lasting[0][1].closed):
            _, flight, then = lasting.popleft()
            if not flight.closed:
                then()
        self._looks = bool(lasting)
        if lasting:
            asyncio.get_running_loop().call_later(max(LOOK_S, lasting[0][0] - now_s), self._look)

    async def reap(self) -> None:
        """Stop what waits for too long; runs until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            now_s = time.monotonic()
            for flight in self:
                limit = self._limits.get(flight.phase)
                if limit is not None and now_s - flight.since_s > limit[0]:
                    flight.stop(limit[1])

    async def drain(self, timeout_s: float) -> None:
        """Wait until all requests are over, and stop those that are not in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()
        except TimeoutError:
            logger.warning(
                "%d requests were still under way after %g s and are stopped", len(self), timeout_s
            )
        for flight in self:
            flight.stop(Stop.SHUTDOWN)
        await self._empty.wait()
