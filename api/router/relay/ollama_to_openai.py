"""From an upstream of Ollama's dialect to a client of OpenAI's: lines become chunks."""

from collections.abc import Iterator, Mapping
from typing import Any

from api.router.ask import Ask, Task
from api.router.reading import Reading
from api.router.relay import sse
from api.router.relay.ollama import parsed
from api.router.relay.relay import BrokenAnswerError, Events
from api.router.translate import finish, from_ollama, parts

Fields = Mapping[str, Any]


class OllamaToOpenAIRelay:
    """Writes chunks, a finish reason, the usage where it was asked for, and [DONE]."""

    __slots__ = ("_ask", "_begun", "_calls", "_events", "_head", "_offset", "_usage", "reading")

    def __init__(self, ask: Ask) -> None:
        self.reading = Reading()
        self._ask = ask
        self._events = Events(lines=True)
        self._begun = False
        self._calls = 0
        self._offset = 0
        options = ask.fields.get("stream_options")
        self._usage = isinstance(options, dict) and bool(options.get("include_usage"))
        chat = ask.task is Task.CHAT
        self._head: dict[str, Any] = {
            "id": f"{'chatcmpl' if chat else 'cmpl'}-{ask.request_id}",
            "object": "chat.completion.chunk" if chat else "text_completion",
            "created": ask.received_us // 1_000_000,
            "model": ask.model,
            "system_fingerprint": "fp_ollama",
        }

    def feed(self, piece: bytes) -> bytes:
        """See ``Relay``."""
        lines = self._events.feed(piece)
        if not lines:
            return b""
        return b"".join(self._line(line) for line in lines.split(b"\n") if line.strip())

    def end(self) -> bytes:
        """See ``Relay``."""
        rest = self._events.rest().strip()
        last = self._line(rest) if rest.endswith(b"}") else b""
        if not self.reading.complete:
            raise BrokenAnswerError("the upstream broke off in the middle of its answer")
        return last

    def _line(self, line: bytes) -> bytes:
        found = parsed(line)
        self.reading.ollama(found)
        if self.reading.error:
            return b""
        if self.reading.model:
            self._head["model"] = self.reading.model
        return b"".join(sse.event(chunk) for chunk in self._chunks(found)) + (
            sse.DONE if self.reading.complete else b""
        )

    def _chunks(self, line: Fields) -> Iterator[Fields]:
        choice = self._chat(line) if self._ask.task is Task.CHAT else self._completion(line)
        if choice is not None:
            yield self._chunk([{"index": 0, **choice, "finish_reason": None}])
        if line.get("done") is True:
            yield self._chunk([self._last(str(line.get("done_reason", "")))])
            if self._usage:
                yield {**self._head, "choices": [], "usage": from_ollama.usage(line)}

    def _chunk(self, choices: list[Fields]) -> Fields:
        return {**self._head, "choices": choices, **({"usage": None} if self._usage else {})}

    def _chat(self, line: Fields) -> Fields | None:
        told = line.get("message")
        said: Fields = told if isinstance(told, dict) else {}
        delta: dict[str, Any] = {} if self._begun else {"role": "assistant", "content": ""}
        if said.get("content"):
            delta["content"] = said["content"]
        if said.get("thinking"):
            delta["reasoning_content"] = said["thinking"]
        if calls := list(parts.calls_to_openai(said.get("tool_calls"), self._ask.request_id, self._calls)):
            delta["tool_calls"] = [{"index": place, **call} for place, call in enumerate(calls, self._calls)]
            self._calls += len(calls)
        if not delta:
            return None
        self._begun = True
        return {"delta": delta, "logprobs": parts.logprobs(line.get("logprobs"))}

    def _completion(self, line: Fields) -> Fields | None:
        text = line.get("response")
        if not text or not isinstance(text, str):
            return None
        probabilities = parts.legacy_logprobs(line.get("logprobs"), self._offset)
        self._offset += len(text)
        return {"text": text, "logprobs": probabilities}

    def _last(self, done_reason: str) -> Fields:
        reason = finish.to_openai(done_reason, tools=self._calls > 0)
        spoken: Fields = {"delta": {}} if self._ask.task is Task.CHAT else {"text": ""}
        return {"index": 0, **spoken, "logprobs": None, "finish_reason": reason}
