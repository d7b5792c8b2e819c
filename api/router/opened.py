"""A stream that begins before its answer does, to tell its client how far a pull is.

What is told is no part of the answer: comments in OpenAI's dialect, empty pieces in Ollama's, which the
official clients of both pass over. After that the status can be no error's, and errors come in the stream.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson

from api.router import answer, errors, headers
from api.router.answer import Send
from api.router.ask import Ask, Dialect, Task
from api.router.entrance import pullers
from api.router.flight import Flight, Phase
from api.router.house import House
from api.router.pull import Progress

TELL_S = 1.0
"""How often a client is told, which also keeps its connection from looking dead."""
_CREATED_AT = "1970-01-01T00:00:00Z"


class PullWait:
    """One request that waits until its model has been pulled.

    Its client is told how far that is once there is something to fetch: until then it may turn out that
    nobody has such a model.

    Attributes:
        send: sends to the client from now on.
    """

    def __init__(self, house: House, ask: Ask, send: Send, flight: Flight) -> None:
        self.send = send
        self._house = house
        self._ask = ask
        self._flight = flight
        self._opened: Opened | None = None

    async def run(self) -> None:
        """Wait.

        Raises:
            Declined: it cannot be pulled.
        """
        house, ask = self._house, self._ask
        pull = asyncio.ensure_future(house.pulls.pull(ask.model, pullers(house)))
        try:
            while not (await asyncio.wait({pull}, timeout=TELL_S))[0]:
                progress = house.pulls.of(ask.model)
                if ask.stream and progress is not None and progress.total:
                    await self._tell(progress)
            await pull
        finally:
            pull.cancel()

    async def _tell(self, progress: Progress) -> None:
        self._flight.now(Phase.CLIENT)
        if self._opened is None:
            opened = Opened(self._ask, self.send)
            await opened.begin()
            self.send = self._opened = opened
        await self._opened.tell(progress)
        self._flight.now(Phase.QUEUED)


class Opened:
    """Takes the place of what sends to the client: it drops starts of answers, for one has been sent."""

    def __init__(self, ask: Ask, send: Send) -> None:
        self._ask = ask
        self._send = send
        self._failing = False

    async def __call__(self, message: Mapping[str, Any]) -> None:
        """Send on what goes into the stream."""
        if message["type"] == "http.response.start":
            self._failing = message["status"] != 200
            return
        body = message.get("body", b"")
        if self._failing:
            said = errors.message_of(body) or "the upstream answered with an error"
            body = errors.in_band(self._ask.dialect, said)
        more = bool(message.get("more_body")) and not self._failing
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def begin(self) -> None:
        """Begin the stream."""
        ollama = self._ask.dialect is Dialect.OLLAMA
        content_type = b"application/x-ndjson" if ollama else b"text/event-stream"
        told = headers.answered(self._ask.request_id, self._ask.model, None)
        await answer.start(self._send, content_type, told)

    async def tell(self, progress: Progress) -> None:
        """Tell how far a pull is."""
        await answer.piece(self._send, written(self._ask, progress))


def written(ask: Ask, progress: Progress) -> bytes:
    """Return a piece of a stream that says how far a pull is."""
    if ask.dialect is Dialect.OPENAI:
        said = f"{progress.status}: {progress.completed} of {progress.total} bytes of {progress.model}"
        return b": " + " ".join(said.split()).encode() + b"\n\n"
    empty = {"message": {"role": "assistant", "content": ""}} if ask.task is Task.CHAT else {"response": ""}
    said_so = {"status": progress.status, "completed": progress.completed, "total": progress.total}
    line = {"model": ask.model, "created_at": _CREATED_AT, **empty, "done": False, **said_so}
    return orjson.dumps(line) + b"\n"
