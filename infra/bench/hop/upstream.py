"""A stand-in for a server of models, in both dialects: it answers at once, or holds its streams open.

``python -m infra.bench.hop.upstream PORT``. A model whose name begins with ``held`` sends one token a second.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import cast

import uvloop

from infra.bench.hop.http1 import Messages, answer, chunk

TOKENS = 16
HELD_TOKENS = 60
MODELS = ("fast", "held")


def _openai(delta: Mapping[str, str], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    event = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "fast"}
    return b"data: " + json.dumps({**event, "choices": [choice]}).encode() + b"\n\n"


_TOKEN = _openai({"content": "word "})
_USAGE = {"prompt_tokens": 9, "completion_tokens": TOKENS, "total_tokens": 9 + TOKENS}
_COUNTED = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "fast"}
_SSE_END = (
    _openai({}, "stop")
    + b"data: " + json.dumps({**_COUNTED, "choices": [], "usage": _USAGE}).encode() + b"\n\n"
    + b"data: [DONE]\n\n"
)  # fmt: skip
_WHOLE = json.dumps({
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "fast", "usage": _USAGE,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * TOKENS},
                 "logprobs": None, "finish_reason": "stop"}],
}).encode()  # fmt: skip
_SAID = {"model": "fast", "created_at": "2026-01-01T00:00:00Z"}
_LINE = json.dumps({**_SAID, "message": {"role": "assistant", "content": "word "}, "done": False}) + "\n"
_LAST = {"done": True, "done_reason": "stop", "total_duration": 1, "load_duration": 0, "prompt_eval_count": 9}
_LINES_END = (
    json.dumps({**_SAID, "message": {"role": "assistant", "content": ""}, **_LAST, "eval_count": TOKENS})
    + "\n"
)
_TAGS = {
    "models": [
        {"name": name, "model": name, "size": 1_000_000, "digest": "0", "details": {"family": "llama"},
         "context_length": 8192, "modified_at": "2026-01-01T00:00:00Z"}
        for name in (f"{model}:latest" for model in MODELS)
    ]
}  # fmt: skip
_GETS = {
    b"/v1/models": json.dumps(
        {"object": "list", "data": [{"id": name, "object": "model"} for name in MODELS]}
    ),
    b"/api/tags": json.dumps(_TAGS),
    b"/api/ps": json.dumps(_TAGS),
    b"/api/version": '{"version": "0.17.4"}',
    b"/": "Ollama is running",
}
_SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_NDJSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
_FAST_SSE = _SSE + b"".join(chunk(_TOKEN) for _ in range(TOKENS)) + chunk(_SSE_END) + b"0\r\n\r\n"
_FAST_NDJSON = (
    _NDJSON
    + b"".join(chunk(_LINE.encode()) for _ in range(TOKENS))
    + chunk(_LINES_END.encode())
    + b"0\r\n\r\n"
)
_FAST_WHOLE = answer(_WHOLE)
_FAST_OLLAMA_WHOLE = answer(
    json.dumps(
        {
            **_SAID,
            "message": {"role": "assistant", "content": "word " * TOKENS},
            **_LAST,
            "eval_count": TOKENS,
        }
    ).encode()
)


class Upstream(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._messages = Messages()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer what is whole."""
        assert self._transport is not None
        for head, body in self._messages.feed(data):
            path = head.split(b" ", 2)[1]
            if head.startswith(b"POST"):
                self._post(path, body)
            else:
                self._transport.write(answer(_GETS.get(path, "{}").encode()))

    def _post(self, path: bytes, body: bytes) -> None:
        assert self._transport is not None
        ollama = path.startswith(b"/api")
        if b'"held' in body:
            self._transport.write(_NDJSON if ollama else _SSE)
            self._token(ollama, HELD_TOKENS)
        elif ollama:  # streams unless it is told not to, the other only when it is told to
            self._transport.write(_FAST_OLLAMA_WHOLE if _says(body, b"false") else _FAST_NDJSON)
        else:
            self._transport.write(_FAST_SSE if _says(body, b"true") else _FAST_WHOLE)

    def _token(self, ollama: bool, left: int) -> None:
        assert self._transport is not None
        if self._transport.is_closing():
            return
        if not left:
            self._transport.write(chunk(_LINES_END.encode() if ollama else _SSE_END) + b"0\r\n\r\n")
            return
        self._transport.write(chunk(_LINE.encode() if ollama else _TOKEN))
        asyncio.get_running_loop().call_later(1.0, self._token, ollama, left - 1)


def _says(body: bytes, stream: bytes) -> bool:
    """Tell whether a request says that of its stream; some clients put a space before it."""
    return b'"stream":' + stream in body or b'"stream": ' + stream in body


async def serve(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    from infra.bench.hop.load import raise_open_files

    raise_open_files()
    uvloop.run(serve(int(sys.argv[1])))
