"""From an upstream of OpenAI's dialect to a client of Ollama's: chunks become lines."""

import time
from collections.abc import Mapping
from typing import Any

import orjson

from api.router.ask import Ask
from api.router.reading import Reading
from api.router.relay import sse
from api.router.relay.relay import BrokenAnswerError, Events
from api.router.translate import finish, from_openai, parts

Fields = Mapping[str, Any]


class OpenAIToOllamaRelay:
    """Writes lines; the last one, which holds the counts, waits for the usage that comes after the end.

    Tool calls come in pieces from one side and whole to the other, so they wait until the answer ends.
    """

    __slots__ = ("_ask", "_calls", "_done", "_events", "_first_ns", "_sent_ns", "_timings", "reading")

    def __init__(self, ask: Ask) -> None:
        self.reading = Reading()
        self._ask = ask
        self._events = Events(lines=False)
        self._calls: dict[int, dict[str, str]] = {}
        self._done = False
        self._timings: object = None
        self._sent_ns = time.monotonic_ns()
        self._first_ns = self._sent_ns

    def feed(self, piece: bytes) -> bytes:
        """See ``Relay``."""
        events = self._events.feed(piece)
        if not events:
            return b""
        return b"".join(self._event(payload) for payload in sse.payloads(events))

    def end(self) -> bytes:
        """See ``Relay``."""
        last = sse.data(self._events.rest().strip())
        written = self._event(last) if last == b"[DONE]" or last.endswith(b"}") else b""
        if self._done:
            return written
        if not self.reading.finish_reason:
            raise BrokenAnswerError("the upstream broke off in the middle of its answer")
        return written + self._last()

    def _event(self, payload: bytes) -> bytes:
        if payload == b"[DONE]":
            return b"" if self._done else self._last()
        found = sse.parsed(payload)
        unspoken = not self.reading.first
        self.reading.openai(found)
        if unspoken and self.reading.first:
            self._first_ns = time.monotonic_ns()
        self._timings = found.get("timings") or self._timings
        choice = from_openai.first_choice(found)
        return b"" if self.reading.error or not choice else self._spoken(choice)

    def _spoken(self, choice: Fields) -> bytes:
        told = choice.get("delta")
        delta: Fields = told if isinstance(told, dict) else {"content": choice.get("text")}
        for piece in parts.objects(delta.get("tool_calls")):
            self._gather(piece)
        said = from_openai.message({name: value for name, value in delta.items() if name != "tool_calls"})
        probabilities = choice.get("logprobs")
        listed = parts.objects(probabilities.get("content")) if isinstance(probabilities, dict) else []
        if not said["content"] and "thinking" not in said and not listed:
            return b""
        return self._line(said, done=False, **({"logprobs": listed} if listed else {}))

    def _gather(self, piece: Fields) -> None:
        index = piece.get("index")
        call = self._calls.setdefault(index if isinstance(index, int) else 0, {"name": "", "arguments": ""})
        if piece.get("id"):
            call["id"] = piece["id"]
        function = piece.get("function")
        if isinstance(function, dict):
            for name in ("name", "arguments"):
                written = function.get(name)
                call[name] += written if isinstance(written, str) else ""

    def _last(self) -> bytes:
        self._done = self.reading.complete = True
        calls = from_openai.calls(
            [{"id": call.get("id"), "function": call} for _, call in sorted(self._calls.items())]
        )
        written = b""
        if calls:
            written = self._line({"role": "assistant", "content": "", "tool_calls": calls}, done=False)
        now_ns = time.monotonic_ns()
        counts = from_openai.durations(
            self.reading.usage,
            total_ns=now_ns - self._sent_ns,
            first_ns=self._first_ns - self._sent_ns,
            timings=self._timings,
        )
        reason = finish.to_ollama(self.reading.finish_reason)
        return written + self._line(from_openai.message({}), done=True, done_reason=reason, **counts)

    def _line(self, said: Fields, **rest: Any) -> bytes:  # noqa: ANN401 - whatever JSON can hold
        head = {"model": self._ask.model, "created_at": from_openai.now()}
        return orjson.dumps({**head, **from_openai.spoken_as(self._ask.task, said), **rest}) + b"\n"
