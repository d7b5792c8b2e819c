"""One attempt at one upstream: the request sent on, its answer passed back."""

import asyncio
import contextlib
import time

import aiohttp
import orjson

from api.router import answer, errors, headers
from api.router.answer import Send
from api.router.ask import Ask, Dialect
from api.router.flight import Flight, Phase, Stop
from api.router.house import House
from api.router.outcome import Outcome
from api.router.plan import plan, whole
from api.router.reading import Reading
from api.router.refusal import refusal
from api.router.relay.relay import BrokenAnswerError, Relay, UpstreamSaidError
from api.router.rewrite import Notes
from api.router.seams import NO_USAGE, Choice, Finish
from api.router.translate import from_openai, to_openai
from api.router.upstream.answer import Answer
from api.router.upstream.client import ERROR_BYTES
from api.router.upstream.fault import Fault
from api.router.upstream.whole import read

_SETTLE_S = 0.5


class Attempt:
    """Runs once. What it knows of the answer can be read at any time.

    Attributes:
        reading: what was read out of the answer; None before there is one.
        started: some of it went to the client: nothing can be tried again.
        last_chunk_s: when its last bytes came, monotonic clock.
    """

    __slots__ = (
        "_ask", "_choice", "_flight", "_house", "_number", "_plan", "_send", "_sent_s", "_told_first",
        "_waited_s", "last_chunk_s", "reading", "started",
    )  # fmt: skip

    def __init__(
        self, house: House, ask: Ask, choice: Choice, send: Send, flight: Flight, number: int, waited_s: float
    ) -> None:
        self._house = house
        self._ask = ask
        self._choice = choice
        self._send = send
        self._flight = flight
        self._number = number
        self._waited_s = waited_s
        self._plan = plan(ask, choice)
        self._sent_s = 0.0
        self._told_first = False
        self.reading: Reading | None = None
        self.started = False
        self.last_chunk_s: float | None = None

    async def run(self) -> Finish:
        """Ask, and pass the answer on.

        Raises:
            Fault: nothing came of it, and nothing has gone to the client.
            Declined: the request cannot be put to an upstream of this kind.
        """
        house, choice = self._house, self._choice
        written = self._plan.write(self._ask, choice, house.rules)
        house.recorder.routed(self._ask, self._number, choice)
        house.chooser.began(self._ask, choice)
        house.breakers.sent(choice.upstream.id, time.monotonic())
        answered = False
        try:
            if self._plan.whole is not None and to_openai.only_loads(self._ask):
                finish = await self._loaded(written.notes)
            else:
                finish = await self._asked(written.body, written.notes)
            answered = finish.outcome is not Outcome.UPSTREAM_DIED
            return finish
        except Fault as exc:
            self._unwell(exc)
            raise
        finally:
            self._over(answered)

    async def _asked(self, body: bytes, notes: Notes | None) -> Finish:
        self._flight.now(Phase.UPSTREAM)
        self._sent_s = self._flight.since_s
        response: Answer | None = None
        try:
            response = await self._house.client.post(self._choice.upstream, self._plan.path, body)
            return await self._answered(response, notes)
        except asyncio.CancelledError:
            # Silence before anything went out is a fault like another: the next upstream may do better.
            if self._flight.stopped is not Stop.SILENT or self.started:
                raise
            self._flight.resume()
            raise Fault(f"{self._choice.upstream.id} was silent for too long", status=504) from None
        finally:
            if response is not None:
                response.done()

    async def _answered(self, response: Answer, notes: Notes | None) -> Finish:
        status = response.status
        if status != 200:
            return await self._not_well(response)
        if self._ask.stream:
            return await self._stream(response, notes)
        return await self._whole(await self._read(response, self._house.settings.answer_bytes), notes)

    async def _not_well(self, response: Answer) -> Finish:
        """Pass on what the client did wrong (4xx); anything else is the upstream's fault."""
        status, upstream = response.status, self._choice.upstream
        body = await self._read(response, ERROR_BYTES, cut=True)
        told = refusal(self._ask, upstream, response, body)
        self._flight.now(Phase.CLIENT)
        await answer.whole(self._send, status, told.content_type, self._headers() + told.more, told.body)
        return self._finish(Outcome.UPSTREAM_ERROR, status, f"{upstream.id} answered {status}")

    async def _read(self, response: Answer, limit: int, *, cut: bool = False) -> bytes:
        return await read(response, self._choice.upstream.id, limit=limit, cut=cut, heard=self._heard)

    def _heard(self) -> None:
        self.last_chunk_s = self._flight.since_s = time.monotonic()

    async def _whole(self, body: bytes, notes: Notes | None) -> Finish:
        try:
            found = whole(self._plan, self._ask, self._choice.upstream.dialect, body, self._sent_s)
        except BrokenAnswerError as exc:
            name = self._choice.upstream.id
            raise Fault(f"{name}: {exc}", own=f"{name}: {exc.own}") from None
        self.reading = found.reading
        self._check_model()
        if found.reading.first:
            self._first_token(found.reading.first)
        self._flight.now(Phase.CLIENT)
        await answer.whole(self._send, 200, answer.JSON, self._headers(notes), found.body)
        return self._finish(Outcome.COMPLETED, 200)

    async def _stream(self, response: Answer, notes: Notes | None) -> Finish:
        content_type = response.header("Content-Type")
        if not content_type.startswith(self._plan.content_type):
            raise Fault(
                f"{self._choice.upstream.id} answered {content_type or 'nothing'} in place of a stream"
            )
        relay = self._plan.relay(self._ask)
        self.reading = relay.reading
        try:
            await self._pass_on(response, relay, notes)
        except BrokenAnswerError as exc:
            name = self._choice.upstream.id
            return await self._broken(f"{name}: {exc}", f"{name}: {exc.own}")
        except (aiohttp.ClientError, OSError):
            return await self._broken(
                f"{self._choice.upstream.id}: the upstream broke off in the middle of its answer"
            )
        except asyncio.CancelledError:
            if self._flight.stopped is not Stop.SILENT or not self.started:
                raise
            self._flight.resume()
            return await self._broken(f"{self._choice.upstream.id}: the upstream fell silent")
        return self._finish(Outcome.COMPLETED, 200)

    async def _pass_on(self, response: Answer, relay: Relay, notes: Notes | None) -> None:
        """Pass pieces on as they come; the upstream is not read while the client does not read."""
        flight, reading = self._flight, relay.reading
        while piece := await response.readany():
            flight.phase = Phase.NEXT
            self._heard()
            written = relay.feed(piece)
            if reading.error:
                if written and self.started:
                    await self._send_on(written, notes)
                raise UpstreamSaidError(reading.error)
            if reading.first and not self._told_first:
                self._first_token(reading.first)
            if reading.complete:
                return await self._send_last(written, relay, response, notes)
            if written:
                await self._send_on(written, notes)
        return await self._send_last(b"", relay, response, notes)

    async def _send_last(self, written: bytes, relay: Relay, response: Answer, notes: Notes | None) -> None:
        """Send the end of an answer. The client has it before the connection is seen to."""
        written += relay.end()
        if not response.ended:
            if written:
                await self._send_on(written, notes)
            written = b""
            await self._settle(response)
        self._flight.phase = Phase.CLIENT
        if not self.started:
            await self._start(notes)
        await answer.end(self._send, written)

    async def _send_on(self, written: bytes, notes: Notes | None) -> None:
        self._flight.phase = Phase.CLIENT
        if not self.started:
            await self._start(notes)
        await answer.piece(self._send, written)
        self._flight.phase = Phase.NEXT

    async def _settle(self, response: Answer) -> None:
        """Read what follows the end of an answer, nothing, so that the connection can be used again."""
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with asyncio.timeout(_SETTLE_S):
                while await response.readany():
                    pass

    async def _start(self, notes: Notes | None) -> None:
        self._check_model()
        self.started = True
        content_type = (
            b"application/x-ndjson" if self._ask.dialect is Dialect.OLLAMA else b"text/event-stream"
        )
        await answer.start(self._send, content_type, self._headers(notes))

    async def _broken(self, error: str, own: str = "") -> Finish:
        """Tell the client in its stream that the answer ends here; before that began it is a fault.

        ``own`` is the error in words of the router alone, where ``error`` has others.
        """
        if not self.started:
            raise Fault(error, own=own, died=self.reading is not None and bool(self.reading.first))
        self._flight.now(Phase.CLIENT)
        await answer.end(self._send, errors.in_band(self._ask.dialect, error))
        return self._finish(Outcome.UPSTREAM_DIED, 200, own or error)

    async def _loaded(self, notes: Notes | None) -> Finish:
        """Answer a request that only loads a model: the upstream has its own loaded."""
        body = orjson.dumps(from_openai.loaded(self._ask))
        await answer.whole(self._send, 200, answer.JSON, self._headers(notes), body)
        return self._finish(Outcome.COMPLETED, 200)

    def _check_model(self) -> None:
        """Refuse, where the client is strict, an answer of another model."""
        if self._ask.strict and self._other_model():
            raise Fault(
                f"{self._choice.upstream.id} answered with {self._other_model()}, not {self._choice.model}"
            )

    def _other_model(self) -> str:
        return self._choice.contradicted(self.reading.model) if self.reading else ""

    def _first_token(self, kind: str) -> None:
        self._told_first = True
        if self._ask.stream:
            self._house.chooser.first_token(self._ask, self._choice)
            self._house.recorder.first_token(self._ask, kind)

    def _headers(self, notes: Notes | None = None) -> list[tuple[bytes, bytes]]:
        return headers.answered(
            self._ask.request_id,
            self._ask.model,
            self._choice,
            served=self._other_model(),
            retries=self._number - 1,
            waited_s=self._waited_s,
            notes=notes,
        )

    def _unwell(self, exc: Fault) -> None:
        """Count a failure, unless it may be that a kept connection ended just then."""
        if not exc.dropped:
            self._house.breakers.failed(self._choice.upstream.id, time.monotonic())

    def _over(self, answered: bool) -> None:
        upstream = self._choice.upstream.id
        if answered:
            self._house.breakers.succeeded(upstream)
        elif self.started and self._flight.stopped is None:
            self._house.breakers.failed(upstream, time.monotonic())
        else:
            self._house.breakers.undecided(upstream)
        usage = self.reading.usage if self.reading else NO_USAGE
        self._house.chooser.ended(self._ask, self._choice, ok=answered, usage=usage)

    def _finish(self, outcome: Outcome, status: int, error: str = "") -> Finish:
        reading = self.reading or Reading()
        return Finish(
            outcome,
            status,
            self._number,
            self._choice,
            reading.usage,
            reading.finish_reason,
            reading.model,
            self.last_chunk_s,
            error,
        )
