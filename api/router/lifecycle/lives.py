"""The requests that are open, and the facts that moments make of them. No I/O and no clock in here."""

import logging
from collections.abc import Callable, Iterator
from typing import cast

from api.router.lifecycle import facts
from api.router.lifecycle.facts import Who
from api.router.lifecycle.life import Life, restored
from api.router.lifecycle.moments import Ended, Failed, FirstToken, Moment, Received, Sent, Went
from schemas.events.request_admitted import RequestAdmitted
from schemas.events.request_finished import Outcome, RequestFinished
from schemas.events.request_first_token import RequestFirstToken
from schemas.events.request_received import RequestReceived
from schemas.events.request_routed import RequestRouted

logger = logging.getLogger(__name__)

RequestEvent = RequestReceived | RequestAdmitted | RequestRouted | RequestFirstToken | RequestFinished
STOPPED = "the router stopped before the end"
DIED = "the router ended without warning; its next start tells of it"
BUG = "an error of the router in telling of the end; see its log"


class Lives:
    """Open requests in the order in which they came, or were last written down.

    Args:
        who: whose facts these are.
        at_us: turns a moment into µs since the epoch.
    """

    def __init__(self, who: Who, at_us: Callable[[float], int]) -> None:
        self._who = who
        self._at_us = at_us
        self._open: dict[str, Life] = {}
        self.segment = 0

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._open

    @property
    def oldest_segment(self) -> int | None:
        """The first segment of the journal that an open request needs; None where none is open."""
        life = next(iter(self._open.values()), None)
        return None if life is None else life.segment

    def tell(self, moment: Moment) -> RequestEvent | None:
        """Return the fact that a moment is; None for one that is none, or of a request that is not open.

        The end of a request is told whatever happens: an error in telling it makes a plainer one.
        """
        try:
            return self._told(moment)
        except Exception:
            request_id = moment.request_id
            logger.exception("a fact of request %s cannot be told", request_id)
            life = self._open.pop(request_id, None) if isinstance(moment, Ended) else None
            if life is None or not isinstance(moment, Ended):
                return None
            outcome = cast(Outcome, moment.outcome)
            return life.ended(outcome, self._at_us(moment.at_s), moment.at_s, error=BUG)

    def _told(self, moment: Moment) -> RequestEvent | None:
        if isinstance(moment, Received):
            return self._begin(moment)
        life = self._open.get(moment.request_id)
        if life is None:
            return None
        if isinstance(moment, Ended):
            end = facts.finished(life, moment, self._at_us(moment.at_s))
            del self._open[moment.request_id]
            return end
        if isinstance(moment, Failed):
            life.attempt_over(moment.at_s)
            return None
        event = self._fact(life, moment)
        life.take(event, moment.at_s)
        if isinstance(moment, Sent):
            life.fallback = moment.other
        return event

    def _fact(
        self, life: Life, moment: Went | Sent | FirstToken
    ) -> RequestAdmitted | RequestRouted | RequestFirstToken:
        at_us = self._at_us(moment.at_s)
        if isinstance(moment, Went):
            return facts.admitted(self._who, life, moment, at_us)
        if isinstance(moment, Sent):
            return facts.routed(self._who, life, moment, at_us)
        return facts.first_token(self._who, life, moment, at_us)

    def _begin(self, moment: Received) -> RequestReceived | None:
        if moment.request_id in self._open:
            return None
        event = facts.received(self._who, moment, self._at_us(moment.at_s))
        life = Life(event, event.occurred_at, moment.at_s)
        life.segment = self.segment
        self._open[event.request_id] = life
        return event

    def replay(self, event: RequestEvent, *, will: bool = False) -> None:
        """Take in what a journal tells; a ``will`` is what was known of a request that was open."""
        if isinstance(event, RequestReceived):
            self._open[event.request_id] = Life(event, event.occurred_at, event.occurred_at / 1e6)
        elif isinstance(event, RequestFinished):
            self._open.pop(event.request_id, None)
            if will:
                self._open[event.request_id] = restored(event)
        elif event.request_id in self._open:
            self._open[event.request_id].take(event, event.occurred_at / 1e6)

    def wills(self, before: int, most: int, now_s: float) -> Iterator[RequestFinished]:
        """Yield what is known of requests that are only in segments of the journal ``before`` this one.

        They are as if the router had died now, and need those segments no more.
        """
        for _ in range(most):
            oldest = self.oldest_segment
            if oldest is None or oldest >= before:
                return
            request_id, life = next(iter(self._open.items()))
            life.segment = self.segment
            self._open[request_id] = self._open.pop(request_id)
            yield life.ended(
                "router_stopped", self._at_us(now_s), now_s,
                error=DIED, status=int(life.routed_s is not None), waited_s=life.queue_wait_s,
            )  # fmt: skip

    def end_all(self, at_s: float, at_us: int, error: str) -> Iterator[RequestFinished]:
        """End every open request as ``router_stopped``, and yield those ends."""
        while self._open:
            _, life = self._open.popitem()
            yield life.ended("router_stopped", at_us, at_s, error=error)
