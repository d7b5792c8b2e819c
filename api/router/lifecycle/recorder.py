"""The recorder of the router: it counts, and keeps each moment for later. An append is all that it costs."""

import asyncio
import logging
import time
from collections import deque

from api.router.ask import Ask
from api.router.lifecycle.lives import STOPPED, Lives
from api.router.lifecycle.moments import Ended, Failed, FirstToken, Moment, Received, Sent, Went
from api.router.lifecycle.records import Entry, entry
from api.router.recorder import CountingRecorder
from api.router.seams import Admitted, Choice, Finish, NoChoice

logger = logging.getLogger(__name__)

TURN_S = 0.02
"""How long a moment waits at least; what a kill -9 can take without a trace is what came within this."""
BACKLOG = 100_000
"""Moments and facts that may wait here; above it new requests are served and not recorded, and counted."""
_SLICE = 64
"""Moments that become facts at a time: about a millisecond, in which no request moves."""


class FactRecorder:
    """See ``seams.Recorder``. Made where the event loop runs.

    Attributes:
        lives: the requests that are open in the facts.
        wake: set when facts wait to be taken.
        unrecorded_total: requests that were not recorded.
        held: facts that were taken and are not with the emitter yet; the scribe's to set.
    """

    def __init__(self, counts: CountingRecorder, lives: Lives, *, backlog: int = BACKLOG) -> None:
        self._counts = counts
        self._backlog = backlog
        self._loop = asyncio.get_running_loop()
        self._ring: deque[Moment] = deque()
        self._entries: list[Entry] = []
        self._unrecorded: set[str] = set()
        self._armed = False
        self.lives = lives
        self.wake = asyncio.Event()
        self.held = 0
        self.unrecorded_total = 0

    @property
    def waiting(self) -> int:
        """Moments and facts that wait here."""
        return len(self._ring) + len(self._entries) + self.held

    def received(self, ask: Ask) -> None:
        """See ``seams.Recorder``. A request is recorded whole or not at all."""
        self._counts.received(ask)
        if len(self._ring) + len(self._entries) + self.held < self._backlog:
            self._take(Received(ask.received_s, ask))
            return
        self._unrecorded.add(ask.request_id)
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
        self._take(Went(time.monotonic(), ask, admitted))

    def routed(self, ask: Ask, attempt: int, choice: Choice | NoChoice) -> None:
        """See ``seams.Recorder``. That there was nowhere to go is no fact of its own: the end says it."""
        self._counts.routed(ask, attempt, choice)
        if isinstance(choice, Choice):
            self._take(Sent(time.monotonic(), ask, attempt, choice))

    def attempt_failed(self, ask: Ask, attempt: int, choice: Choice, error: str) -> None:
        """See ``seams.Recorder``."""
        self._counts.attempt_failed(ask, attempt, choice, error)
        self._take(Failed(time.monotonic(), ask))

    def first_token(self, ask: Ask, kind: str) -> None:
        """See ``seams.Recorder``."""
        self._counts.first_token(ask, kind)
        self._take(FirstToken(time.monotonic(), ask, kind))

    def finished(self, ask: Ask, finish: Finish) -> None:
        """See ``seams.Recorder``."""
        self._counts.finished(ask, finish)
        self._take(Ended(time.monotonic(), ask, finish))

    def take(self) -> list[Entry]:
        """Return the facts that wait, which are the taker's from now on."""
        entries, self._entries = self._entries, []
        self.wake.clear()
        return entries

    def fold(self, most: int | None = None) -> None:
        """Make facts of moments: of the oldest ``most``, or of all."""
        for _ in range(len(self._ring) if most is None else min(most, len(self._ring))):
            moment = self._ring.popleft()
            event = self.lives.tell(moment)
            if event is not None:
                self._entries.append(entry(event))
            elif self._unrecorded and isinstance(moment, Ended):
                self._unrecorded.discard(moment.ask.request_id)

    def end(self, at_us: int) -> None:
        """Make facts of what is left, and end what is open: the router stops."""
        self.fold()
        self._entries += [entry(event) for event in self.lives.end_all(time.monotonic(), at_us, STOPPED)]

    def _take(self, moment: Moment) -> None:
        self._ring.append(moment)
        if not self._armed:
            self._armed = True
            self._loop.call_later(TURN_S, self._turn)

    def _turn(self) -> None:
        self.fold(_SLICE)
        if self._ring:
            self._loop.call_soon(self._turn)
        else:
            self._armed = False
        self.wake.set()
