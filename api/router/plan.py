"""How a request is asked of an upstream, and how its answer becomes the client's."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from api.router.ask import Ask, Dialect, Task
from api.router.reading import Reading
from api.router.relay.ollama import OllamaRelay
from api.router.relay.ollama_to_openai import OllamaToOpenAIRelay
from api.router.relay.openai import OpenAIRelay
from api.router.relay.openai_to_ollama import OpenAIToOllamaRelay
from api.router.relay.relay import BrokenAnswerError, Relay, UpstreamSaidError
from api.router.rewrite import Rules, Written, for_ollama, for_openai, untranslated
from api.router.seams import Choice
from api.router.translate import from_ollama, from_openai, to_ollama, to_openai


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to ask.

    Attributes:
        path: of the upstream.
        content_type: what a stream of it is.
        write: makes the body, from the request, the choice and the rules.
        relay: makes the relay of a streamed answer.
        whole: makes the body of a whole answer from the upstream's; None: it is passed on as it is.
    """

    path: str
    content_type: str
    write: Callable[[Ask, Choice, Rules], Written]
    relay: Callable[[Ask], Relay]
    whole: Callable[[Ask, Any, float], Any] | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer that came in one piece."""

    body: bytes
    reading: Reading


SSE, NDJSON = "text/event-stream", "application/x-ndjson"


def plan(ask: Ask, choice: Choice) -> Plan:
    """Return the way to ask what was chosen."""
    if choice.upstream.dialect is ask.dialect:
        return _SAME[ask.path]
    if ask.dialect is Dialect.OPENAI:
        return _TO_OLLAMA[ask.path]
    return _COMPLETION if to_openai.raw(ask) else _TO_OPENAI[ask.task]


def whole(asked: Plan, ask: Ask, upstream: Dialect, answer: bytes, sent_s: float) -> Whole:
    """Return a whole answer for the client.

    Args:
        asked: how it was asked.
        ask: the request.
        upstream: the dialect of the answer.
        answer: its bytes.
        sent_s: when the request was sent on, by the monotonic clock.

    Raises:
        BrokenAnswerError: it is not what an upstream of its kind answers.
    """
    try:
        found = orjson.loads(answer)
    except orjson.JSONDecodeError:
        raise BrokenAnswerError("the upstream's answer is not JSON") from None
    if not isinstance(found, dict):
        raise BrokenAnswerError("the upstream's answer is no JSON object")
    reading = Reading()
    if upstream is Dialect.OLLAMA:
        reading.ollama(found)
    else:
        reading.openai(found)
    if reading.error:
        raise UpstreamSaidError(reading.error)
    reading.complete = True
    if asked.whole is None:
        return Whole(answer, reading)
    return Whole(orjson.dumps(asked.whole(ask, found, sent_s)), reading)


def _same_openai(ask: Ask) -> Relay:
    options = ask.fields.get("stream_options")
    shown = isinstance(options, dict) and options.get("include_usage")
    return OpenAIRelay(hide_usage=not shown)


def _same_ollama(_: Ask) -> Relay:
    return OllamaRelay()


def _created(ask: Ask) -> int:
    return ask.received_us // 1_000_000


def _chat_completion(ask: Ask, answer: Any, _: float) -> Any:  # noqa: ANN401 - JSON
    return from_ollama.chat(ask, answer, _created(ask))


def _completion(ask: Ask, answer: Any, _: float) -> Any:  # noqa: ANN401 - JSON
    return from_ollama.completion(ask, answer, _created(ask))


def _embeddings(ask: Ask, answer: Any, _: float) -> Any:  # noqa: ANN401 - JSON
    return from_ollama.embeddings(ask, answer)


def _generation(ask: Ask, answer: Any, sent_s: float) -> Any:  # noqa: ANN401 - JSON
    reading = Reading()
    reading.openai(answer)
    counts = from_openai.durations(reading.usage, total_ns=_since_ns(sent_s), timings=answer.get("timings"))
    return from_openai.generation(ask, answer, counts)


def _vectors(ask: Ask, answer: Any, sent_s: float) -> Any:  # noqa: ANN401 - JSON
    return from_openai.embeddings(ask, answer, _since_ns(sent_s))


def _since_ns(sent_s: float) -> int:
    return int((time.monotonic() - sent_s) * 1e9)


_SAME = {
    path: Plan(path, SSE if path.startswith("/v1") else NDJSON, untranslated, relay)
    for relay, paths in (
        (_same_openai, ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")),
        (_same_ollama, ("/api/chat", "/api/generate", "/api/embed", "/api/embeddings")),
    )
    for path in paths
}
_TO_OLLAMA = {
    "/v1/chat/completions": Plan(
        "/api/chat", NDJSON, for_ollama(to_ollama.chat), OllamaToOpenAIRelay, _chat_completion
    ),
    "/v1/completions": Plan(
        "/api/generate", NDJSON, for_ollama(to_ollama.generate), OllamaToOpenAIRelay, _completion
    ),
    "/v1/embeddings": Plan(
        "/api/embed", NDJSON, for_ollama(to_ollama.embed), OllamaToOpenAIRelay, _embeddings
    ),
}
_CHAT = Plan("/v1/chat/completions", SSE, for_openai(to_openai.chat), OpenAIToOllamaRelay, _generation)
_COMPLETION = Plan("/v1/completions", SSE, for_openai(to_openai.completion), OpenAIToOllamaRelay, _generation)
_TO_OPENAI = {
    Task.CHAT: _CHAT,
    Task.GENERATE: _CHAT,
    Task.EMBED: Plan("/v1/embeddings", SSE, for_openai(to_openai.embed), OpenAIToOllamaRelay, _vectors),
}
