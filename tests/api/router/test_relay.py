"""Relays read and write the same, however the stream is cut."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.router import request
from api.router.ask import NOBODY, Ask
from api.router.endpoints import ENDPOINTS
from api.router.plan import plan
from api.router.plan import whole as read_whole
from api.router.relay.ollama import OllamaRelay
from api.router.relay.ollama_to_openai import OllamaToOpenAIRelay
from api.router.relay.openai import OpenAIRelay
from api.router.relay.openai_to_ollama import OpenAIToOllamaRelay
from api.router.relay.relay import BrokenAnswerError, Relay
from api.router.seams import Choice, Upstream, Usage
from tests.api.router.standin import openai_events

SSE = b"".join(
    openai_events(
        "/v1/chat/completions", {"model": "m", "stream_options": {"include_usage": True}, "think": True}
    )
)
LINES = (
    b'{"model":"m","message":{"content":"","thinking":"hmm"},"done":false}\n'
    b'{"model":"m","message":{"content":"w\xc3\xb6r \\"done\\":true ld"},"done":false}\n'
    b'{"model":"m","message":{"content":"","tool_calls":[{"function":{"name":"f","arguments":{"done":true}}}]},'
    b'"done":false}\n'
    b'{"model":"m","message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":2}\n'
)


def ask(path: str) -> Ask:
    body = b'{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}'
    return request.read(ENDPOINTS[path], {}, body, NOBODY)


OPENAI, OLLAMA = ask("/v1/chat/completions"), ask("/api/chat")
MADE: dict[str, tuple[Callable[[], Relay], bytes]] = {
    "openai": (lambda: OpenAIRelay(hide_usage=False), SSE),
    "openai, usage hidden": (lambda: OpenAIRelay(hide_usage=True), SSE),
    "ollama": (OllamaRelay, LINES),
    "ollama to openai": (lambda: OllamaToOpenAIRelay(OPENAI), LINES),
    "openai to ollama": (lambda: OpenAIToOllamaRelay(OLLAMA), SSE),
}


def relayed(relay: Relay, pieces: list[bytes]) -> bytes:
    return b"".join([*(relay.feed(piece) for piece in pieces if piece), relay.end()])


def pieces_of(whole: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % len(whole) for cut in cuts), len(whole)]
    return [whole[begin:end] for begin, end in pairwise(places)]


def timeless(written: bytes) -> object:
    """Leave out what depends on the clock."""
    if b"created_at" not in written:
        return written
    lines = [orjson.loads(line) for line in written.splitlines()]
    return [
        {name: value for name, value in line.items() if not name.endswith(("_at", "_duration"))}
        for line in lines
    ]


@pytest.mark.parametrize("name", MADE)
@given(cuts=st.lists(st.integers(0, 5000), max_size=12))
def test_cuts_change_nothing(name: str, cuts: list[int]) -> None:
    make, sent = MADE[name]
    at_once, in_pieces = make(), make()
    assert timeless(relayed(in_pieces, pieces_of(sent, cuts))) == timeless(relayed(at_once, [sent]))
    for one in (at_once.reading, in_pieces.reading):
        assert (one.complete, one.first, one.finish_reason, one.error) == (True, "reasoning", "stop", "")
    assert in_pieces.reading.usage == at_once.reading.usage
    assert in_pieces.reading.usage in (Usage(11, 4, 8, 1), Usage(3, 2))


@pytest.mark.parametrize("name", MADE)
@given(cut=st.integers(1, 5000))
def test_half_an_answer_is_none(name: str, cut: int) -> None:
    make, sent = MADE[name]
    # Behind the finish reason an answer is whole, though its usage and [DONE] are missing.
    end = sent.index(b'"finish_reason": "stop"') if sent is SSE else sent.index(b'"done":true,"done_reason"')
    relay = make()
    with pytest.raises(BrokenAnswerError):
        relayed(relay, [sent[: cut % end]])
    assert not relay.reading.complete


@pytest.mark.parametrize("name", MADE)
@given(noise=st.binary(max_size=200))
def test_noise_is_an_error_and_nothing_worse(name: str, noise: bytes) -> None:
    make, _ = MADE[name]
    try:
        relayed(make(), [noise])
    except BrokenAnswerError:
        return


NAMES = [
    *("model", "choices", "delta", "message", "content", "thinking", "reasoning_content", "tool_calls"),
    *("function", "name", "arguments", "id", "index", "usage", "prompt_tokens", "prompt_tokens_details"),
    *("finish_reason", "error", "response", "done", "done_reason", "logprobs", "text", "timings"),
    *("prompt_ms", "embeddings", "data", "embedding", "eval_count", "top_logprobs", "token", "cached_tokens"),
]
PLAIN = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False)
VALUES = st.recursive(
    PLAIN | st.sampled_from(("x", "", "{")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)
ANSWERS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)


@pytest.mark.parametrize("name", MADE)
@given(answers=st.lists(ANSWERS, max_size=4))
def test_json_of_any_shape_is_read_or_refused(name: str, answers: list[dict[str, Any]]) -> None:
    make, sent = MADE[name]
    begin, end = (b"data: ", b"\n\n") if sent is SSE else (b"", b"\n")
    try:
        relayed(make(), [begin + orjson.dumps(answer) + end for answer in answers])
    except BrokenAnswerError:
        return


@pytest.mark.parametrize("kind", ["vllm", "ollama"])
@pytest.mark.parametrize("path", ENDPOINTS)
@given(answer=ANSWERS)
def test_whole_json_of_any_shape_is_read_or_refused(kind: str, path: str, answer: dict[str, Any]) -> None:
    asked = request.read(ENDPOINTS[path], {}, b'{"model":"m","messages":[],"input":"x","prompt":"x"}', NOBODY)
    choice = Choice(Upstream("u", "u", "http://u", kind), "m", "m")
    try:
        read_whole(plan(asked, choice), asked, choice.upstream.dialect, orjson.dumps(answer), 0.0)
    except BrokenAnswerError:
        return


def test_an_event_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.router.relay.relay.MOST_EVENT_BYTES", 1000)
    relay = OpenAIRelay(hide_usage=False)
    with pytest.raises(BrokenAnswerError, match="more than 1000 bytes"):
        relayed(relay, [b"data: " + b"x" * 600, b"x" * 600])
