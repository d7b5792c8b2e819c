"""The recorder of the router: it counts, and keeps each moment for later. An append is all that it costs."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from api.router.ask import Ask
from api.router.lifecycle import moments
from api.router.lifecycle.lives import BUG
from api.router.lifecycle.moments import Ended, Moment
from api.router.recorder import CountingRecorder
from api.router.seams import Admitted, Choice, Finish, NoChoice

logger = logging.getLogger(__name__)

TURN_S = 0.02
"""How long a moment waits at least; what a kill -9 can take without a trace is what came within this."""
BACKLOG = 100_000
"""Moments that may wait; above it new requests are served and not recorded, and counted."""
_SLICE_S = 0.0005
"""How long moments are worked on at a time, while no request moves."""

_Waiting = tuple[Callable[..., Moment], float, Ask, tuple[Any, ...]]


class Telling(Protocol):
    """Whoever makes facts of moments."""

    @property
    def waiting(self) -> int:
        """Moments that are not written down yet."""

    def tell(self, moments: Iterable[Moment]) -> None:
        """Take moments, in order."""


class FactRecorder:
    """See ``seams.Recorder``. Made where the event loop runs.

    Attributes:
        unrecorded_total: requests that were not recorded.
    """

    def __init__(self, counts: CountingRecorder, telling: Telling, *, backlog: int = BACKLOG) -> None:
        self._counts = counts
        self._telling = telling
        self._backlog = backlog
        self._loop = asyncio.get_running_loop()
        self._ring: deque[_Waiting] = deque()
        self._armed = False
        self.unrecorded_total = 0

    @property
    def waiting(self) -> int:
        """Moments that are not written down yet."""
        return len(self._ring) + self._telling.waiting

    def received(self, ask: Ask) -> None:
        """See ``seams.Recorder``. A request is recorded whole or not at all."""
        self._counts.received(ask)
        if self.waiting < self._backlog:
            self._take(moments.received, ask.received_s, ask)
            return
        self.unrecorded_total += 1
        if self.unrecorded_total & (self.unrecorded_total - 1) == 0:  # the 1st, 2nd, 4th ...: never a flood
            logger.error(
                "%d requests are not recorded so far: %d facts wait, neither Kafka nor the disk takes them",
                self.unrecorded_total,
                self.waiting,
            )

    def admitted(self, ask: Ask, admitted: Admitted) -> None:
        """See ``seams.Recorder``."""
        self._counts.admitted(ask, admitted)
        self._take(moments.went, time.monotonic(), ask, admitted)

    def routed(self, ask: Ask, attempt: int, choice: Choice | NoChoice) -> None:
        """See ``seams.Recorder``. That there was nowhere to go is no fact of its own: the end says it."""
        self._counts.routed(ask, attempt, choice)
        if isinstance(choice, Choice):
            self._take(moments.sent, time.monotonic(), ask, attempt, choice)

    def attempt_failed(self, ask: Ask, attempt: int, choice: Choice, error: str) -> None:
        """See ``seams.Recorder``."""
        self._counts.attempt_failed(ask, attempt, choice, error)
        self._take(moments.failed, time.monotonic(), ask)

    def first_token(self, ask: Ask, kind: str) -> None:
        """See ``seams.Recorder``."""
        self._counts.first_token(ask, kind)
        self._take(moments.first_token, time.monotonic(), ask, kind)

    def finished(self, ask: Ask, finish: Finish) -> None:
        """See ``seams.Recorder``."""
        self._counts.finished(ask, finish)
        self._take(moments.ended, time.monotonic(), ask, finish)

    def flush(self, most_s: float = float("inf")) -> None:
        """Hand over what waits, the oldest first, for so long."""
        if self._ring:
            self._telling.tell(self._moments(time.monotonic() + most_s))

    def _moments(self, until_s: float) -> Iterator[Moment]:
        """Yield moments as they are made: none is kept, which the garbage collector would look at."""
        ring = self._ring
        while ring:
            moment = _made(ring.popleft())
            if moment is not None:
                yield moment
            if time.monotonic() > until_s:
                return

    def _take(self, made: Callable[..., Moment], at_s: float, ask: Ask, *more: Any) -> None:  # noqa: ANN401 - what it is made of
        self._ring.append((made, at_s, ask, more))
        if not self._armed:
            self._armed = True
            self._loop.call_later(TURN_S, self._turn)

    def _turn(self) -> None:
        self.flush(_SLICE_S)
        if self._ring:
            self._loop.call_soon(self._turn)
        else:
            self._armed = False


def _made(waiting: _Waiting) -> Moment | None:
    """Return a moment. The end of a request is told whatever happens: an error makes a plainer one."""
    made, at_s, ask, more = waiting
    try:
        return made(at_s, ask, *more)
    except Exception:
        logger.exception("a fact of request %s cannot be told", ask.request_id)
        if made is not moments.ended:
            return None
        return Ended(at_s, ask.request_id, more[0].outcome.value, error=BUG)
