"""One request, from received to finished: into the queue, to an upstream, its answer to the client."""

import asyncio
import logging
import time

from api.router import answer, errors, headers
from api.router.answer import Send
from api.router.ask import Ask
from api.router.attempt import Attempt
from api.router.body import Receive
from api.router.entrance import check, models, unfit
from api.router.errors import Declined
from api.router.flight import Flight, Phase, Stop
from api.router.house import House
from api.router.opened import Opened, PullWait
from api.router.outcome import Outcome
from api.router.seams import NO_USAGE, Absence, Admitted, Choice, Finish, NoChoice, Refused, Ticket
from api.router.substitutes import LISTED
from api.router.upstream.fault import Fault

logger = logging.getLogger(__name__)

WATCH_AFTER_S = 0.02
"""How soon a request that is not queued is watched for its client's leaving; short ones need no watch."""
HOLD_STEP_S = 0.25
LEFT_STATUS = 499
_STOPPED = "the router is stopping; ask again"


class Exchange:
    """One request under way. ``run`` is called once."""

    __slots__ = (
        "_admitted", "_ask", "_attempt", "_attempts", "_failed", "_flight", "_house", "_receive", "_retried",
        "_send", "_ticket", "_told_absent", "_unfit", "_watch",
    )  # fmt: skip

    def __init__(self, house: House, ask: Ask, receive: Receive, send: Send, flight: Flight) -> None:
        self._house = house
        self._ask = ask
        self._receive = receive
        self._send = send
        self._flight = flight
        self._ticket: Ticket | None = None
        self._admitted = Admitted(0.0, "none")
        self._attempts = 0
        self._attempt: Attempt | None = None
        self._failed: Fault | None = None
        self._retried: set[str] = set()
        self._told_absent = False
        self._unfit: NoChoice | None = None
        self._watch: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve the request, whatever happens, and record its one end."""
        self._house.recorder.received(self._ask)
        self._house.flights.add(self._flight)
        finish = Finish(Outcome.ROUTER_STOPPED, 503, error=_STOPPED)
        try:
            finish = await self._ended()
        finally:
            self._close(finish)

    async def _ended(self) -> Finish:
        try:
            return await self._served()
        except (Declined, Refused) as exc:
            return await self._declined(exc)
        except asyncio.CancelledError:
            return await self._stopped()
        except Exception as exc:
            logger.exception("request %s failed by an error of the router", self._ask.request_id)
            error = f"an error of the router: {type(exc).__name__}; see its log"
            return await self._failed_with(500, error, Outcome.UPSTREAM_ERROR)

    def _close(self, finish: Finish) -> None:
        self._flight.closed = True
        if self._watch is not None:
            self._watch.cancel()
        self._house.flights.remove(self._flight)
        try:
            if self._ticket is not None:
                self._ticket.release(finish.outcome, finish.usage)
        finally:
            self._house.recorder.finished(self._ask, finish)

    async def _served(self) -> Finish:
        if not check(self._house, self._ask):
            await self._pulled()
        self._ticket = self._house.admission.enter(self._ask)
        self._admitted = self._ticket.admitted or await self._queued(self._ticket)
        self._house.recorder.admitted(self._ask, self._admitted)
        if self._watch is None:
            self._house.flights.after(WATCH_AFTER_S, self._flight, self._start_watch)
        return await self._dispatched()

    async def _pulled(self) -> None:
        self._start_watch()
        self._flight.now(Phase.QUEUED)
        pull = PullWait(self._house, self._ask, self._send, self._flight)
        try:
            await pull.run()
        finally:
            self._send = pull.send

    async def _queued(self, ticket: Ticket) -> Admitted:
        self._start_watch()
        self._flight.now(Phase.QUEUED)
        return await ticket.wait()

    async def _dispatched(self) -> Finish:
        """Try the model and its fallbacks until one answers; where all are away, wait for one to return."""
        until_s: float | None = None
        while True:
            away = False
            for model in models(self._house, self._ask):
                found = await self._try(model)
                if isinstance(found, Finish):
                    return found
                away = away or found is Absence.AWAY
            failed = self._failed
            until_s = self._patient_until_s() if until_s is None else until_s
            if time.monotonic() >= until_s or not (failed.unreached if failed else away):
                return await self._nowhere()
            self._start_watch()
            self._flight.now(Phase.QUEUED)
            await asyncio.sleep(HOLD_STEP_S)

    def _patient_until_s(self) -> float:
        """Return until when it waits for an upstream to return: as in the queue, no longer than it would."""
        ask, settings = self._ask, self._house.settings
        patience_s = settings.patience_s if ask.patience_s is None else ask.patience_s
        patience_s = min(patience_s, ask.caller.limits.max_wait_s)
        return min(time.monotonic() + settings.hold_s, ask.received_s + patience_s)

    async def _try(self, model: str) -> Finish | Absence:
        """Try one model at each upstream that is chosen for it, until one answers."""
        house, ask = self._house, self._ask
        excluded: frozenset[str] = frozenset()
        while True:
            now_s = time.monotonic()
            closed = house.breakers.blocked(now_s) | house.pauses.upstreams
            choice = house.chooser.choose(ask, model, excluded | closed)
            if isinstance(choice, NoChoice):
                if choice.absence is Absence.UNFIT:
                    self._unfit = choice
                if not self._told_absent:  # once, however long it is held
                    self._told_absent = True
                    house.recorder.routed(ask, self._attempts + 1, choice)
                return choice.absence
            if model is not ask.model:
                choice = choice._replace(fallback=LISTED)
            elif choice.loads and house.substitutes.wanted(ask):
                choice = house.substitutes.instead(ask, choice, excluded | closed)
            failed = await self._attempted(choice)
            if isinstance(failed, Finish):
                return failed
            self._failed = failed
            if self._attempts >= house.settings.attempts and not failed.unreached:
                return Absence.UNFIT
            if not self._again(choice, failed):
                excluded |= {choice.upstream.id}
                if failed.dropped:
                    house.breakers.failed(choice.upstream.id, now_s)

    def _again(self, choice: Choice, failed: Fault) -> bool:
        """Tell whether the same upstream may be asked once more: its connection may have been a stale one."""
        if not failed.dropped or choice.upstream.id in self._retried:
            return False
        self._retried.add(choice.upstream.id)
        return True

    async def _attempted(self, choice: Choice) -> Finish | Fault:
        self._attempts += 1
        self._flight.choice = choice
        if self._ticket is not None:
            self._ticket.placed(choice)
        self._attempt = Attempt(
            self._house, self._ask, choice, self._send, self._flight, self._attempts, self._admitted.waited_s
        )
        try:
            return await self._attempt.run()
        except Fault as exc:
            self._house.recorder.attempt_failed(self._ask, self._attempts, choice, exc.own)
            return exc

    async def _nowhere(self) -> Finish:
        """Tell the client that nothing answered: the upstream's own words where it had some."""
        failed = self._failed
        if failed is None and self._unfit is not None:
            raise unfit(self._unfit)
        if failed is None:
            raise Declined(
                Outcome.REJECTED_UNHEALTHY, 503, f"no upstream that has {self._ask.model} is well",
                retry_after_s=self._house.settings.breaker_cooldown_s,
            )  # fmt: skip
        outcome = Outcome.UPSTREAM_DIED if failed.died else Outcome.UPSTREAM_ERROR
        said = errors.message_of(failed.answer)
        more = [(b"retry-after", headers.visible(failed.retry_after))] if failed.retry_after else []
        return await self._failed_with(failed.status, said or failed.message, outcome, more, own=failed.own)

    async def _declined(self, exc: Declined | Refused) -> Finish:
        more: list[tuple[bytes, bytes]] = []
        if exc.retry_after_s is not None:
            more.append((b"retry-after", b"%d" % max(1, round(exc.retry_after_s))))
        param, code = (exc.param, exc.code) if isinstance(exc, Declined) else (None, None)
        return await self._failed_with(exc.status, exc.message, exc.outcome, more, param=param, code=code)

    async def _stopped(self) -> Finish:
        """Deal with an interruption: by the client, by the reaper, or because the router stops."""
        why = self._flight.stopped
        queued = self._ticket is None or self._ticket.admitted is None
        if why in (Stop.LEFT, Stop.STALLED):
            self._flight.resume()
            outcome = Outcome.ABANDONED_QUEUED if queued else Outcome.CLIENT_ABANDONED
            if why is Stop.STALLED and self._flight.abort is not None:
                self._flight.abort()  # what it does not read would stay in memory
                await asyncio.sleep(0)
            error = "the client left" if why is Stop.LEFT else "the client did not read its answer"
            return self._finish(outcome, LEFT_STATUS, error)
        if why is not None:
            self._flight.resume()
        finish = await self._failed_with(503, _STOPPED, Outcome.ROUTER_STOPPED)
        if why is None:
            raise asyncio.CancelledError
        return finish

    async def _failed_with(
        self,
        status: int,
        message: str,
        outcome: Outcome,
        more: list[tuple[bytes, bytes]] | None = None,
        *,
        param: str | None = None,
        code: str | None = None,
        own: str = "",
    ) -> Finish:
        """Send an error, in the stream where one has begun, and return the finish.

        ``own`` is the error in words of the router alone, where ``message`` has others.
        """
        ask, attempt = self._ask, self._attempt
        self._flight.now(Phase.CLIENT)
        if attempt is not None and attempt.started:
            await answer.end(self._send, errors.in_band(ask.dialect, message))
            return self._finish(outcome, 200, own or message)
        told = headers.answered(
            ask.request_id, ask.model, self._flight.choice,
            retries=max(0, self._attempts - 1), waited_s=self._admitted.waited_s,
        )  # fmt: skip
        body = errors.body(ask.dialect, status, message, param=param, code=code)
        await answer.whole(self._send, status, answer.JSON, told + (more or []), body)
        status = 200 if isinstance(self._send, Opened) else status  # which it has been told
        return self._finish(outcome, status, own or message)

    def _finish(self, outcome: Outcome, status: int, error: str) -> Finish:
        attempt = self._attempt
        reading = attempt.reading if attempt else None
        return Finish(
            outcome,
            status,
            self._attempts,
            self._flight.choice,
            reading.usage if reading else NO_USAGE,
            reading.finish_reason if reading else "",
            reading.model if reading else "",
            attempt.last_chunk_s if attempt else None,
            error,
        )

    def _start_watch(self) -> None:
        if self._watch is None:
            self._watch = asyncio.get_running_loop().create_task(self._until_left())

    async def _until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._flight.stop(Stop.LEFT)
