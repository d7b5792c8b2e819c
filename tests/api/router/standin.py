"""Stand-ins for servers of models: they answer as the real ones do, and misbehave on demand.

Each runs on a port of its own, in one thread for all. What a model does is a function, so a test says what
happens by naming a model.
"""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import uvloop
from aiohttp import web

T = TypeVar("T")
Body = Mapping[str, Any]
Behaviour = Callable[[web.Request, Body], Awaitable[web.StreamResponse]]

WORDS = ("Hel", "lo ", "wör", "ld")
CREATED = 1_700_000_000
AT = "2026-01-01T00:00:00Z"
CALL = {"name": "weather", "arguments": {"city": "Zürich"}}


class Loop:
    """An event loop in a thread; what must run on it is handed in."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, wanted: Coroutine[Any, Any, T], within_s: float = 30.0) -> T:
        return asyncio.run_coroutine_threadsafe(wanted, self.loop).result(within_s)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class Standin:
    """One server; ``kind`` is the runtime. ``asked`` is every request to a model: path and body."""

    def __init__(self, loop: Loop, kind: str, models: Mapping[str, Behaviour]) -> None:
        self.kind = kind
        self.models = dict(models)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[Mapping[str, str]] = []
        self.closed = 0
        self.written = 0
        self.connections: set[object] = set()
        self.pullable: set[str] = set()
        self.hidden: set[str] = set()
        self.pulling = asyncio.Event()
        self.pulled: Behaviour = good
        self.capabilities: list[str] | None = ["completion", "tools", "vision"]
        self.loaded: set[str] | None = None  # models in memory; None: all
        self.port = 0
        self._loop = loop
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._loop.run(self._start())

    def stop(self) -> None:
        """Go away: connections are cut, and new ones refused."""
        self._loop.run(self._stop())

    async def _start(self) -> None:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.method != "POST":
            return self._list(request.path)
        body = json.loads(await request.read())
        if request.path == "/api/show":
            found: Body = {"capabilities": self.capabilities, "model_info": {}, "details": {}}
            return web.json_response(found)
        name = body["model"]
        if request.path == "/api/pull":
            return await self._pull(request, name)
        behaviour = self.models.get(name) or self.models.get(f"{name}:latest")
        self.asked.append((request.path, body))
        self.headers.append(dict(request.headers))
        self.connections.add(request.transport)
        request[STANDIN] = self
        if self.loaded is not None and behaviour is not None:
            self.loaded.add(name if name in self.models else f"{name}:latest")
        if behaviour is None:
            return web.json_response({"error": {"message": f"no model {name}"}}, status=404)
        try:
            return await behaviour(request, body)
        except (asyncio.CancelledError, ConnectionResetError):
            self.closed += 1
            raise

    async def _pull(self, request: web.Request, name: str) -> web.StreamResponse:
        self.asked.append((request.path, {"model": name}))
        steps: list[Body] = [{"status": "pulling manifest"}]
        if name not in self.pullable:
            return await ndjson(request, [_line(step) for step in (*steps, {"error": "file does not exist"})])
        response = await stream(request, "application/x-ndjson")
        for step in (*steps, {"status": "pulling abc", "total": 10, "completed": 4}):
            await response.write(_line(step))
        await self.pulling.wait()
        self.models[name] = self.pulled
        await response.write(_line({"status": "success"}))
        await response.write_eof()
        return response

    def _list(self, path: str) -> web.Response:
        tags = [_tag(name) for name in self.models]
        running = [tag for tag in tags if self.loaded is None or tag["name"] in self.loaded]
        listed = [
            {"id": name, "object": "model", "created": CREATED, "owned_by": "us"} for name in self.models
        ]
        pages: dict[str, Any] = {
            "/api/tags": {"models": tags},
            "/api/ps": {"models": [{**tag, "context_length": 8192, "expires_at": AT} for tag in running]},
            "/api/version": {"version": "0.12.3"},
            "/v1/models": {"object": "list", "data": listed},
            "/props": {"total_slots": 2},
        }
        if path not in pages or path in self.hidden or path.startswith("/api") != (self.kind == "ollama"):
            return web.Response(status=404)
        return web.json_response(pages[path])


def _line(found: Body) -> bytes:
    return json.dumps(found).encode() + b"\n"


STANDIN = web.RequestKey("standin", Standin)


def _tag(name: str) -> dict[str, Any]:
    details = {
        "parent_model": "", "format": "gguf", "family": "llama", "families": ["llama"],
        "parameter_size": "8B", "quantization_level": "Q4",
    }  # fmt: skip
    return {"name": name, "model": name, "size": 5, "digest": "d", "modified_at": AT, "details": details}


@contextmanager
def looped() -> Iterator[Loop]:
    loop = Loop()
    try:
        yield loop
    finally:
        loop.close()


# ---- good answers


async def good(request: web.Request, body: Body) -> web.StreamResponse:
    """Answer as a well server does, whatever is asked."""
    if request.path in ("/api/embed", "/api/embeddings", "/v1/embeddings"):
        return _embeddings(request.path, body)
    if request.path == "/api/chat":
        return await _lines(request, body, [*_ollama_chat(body)])
    if request.path == "/api/generate":
        return await _lines(request, body, [*_ollama_generate(body)])
    if not body.get("stream"):
        return web.json_response(_openai_whole(request.path, body))
    return await sse(request, openai_events(request.path, body))


def openai_events(path: str, body: Body) -> list[bytes]:
    chat = path == "/v1/chat/completions"
    head = {
        "id": "chatcmpl-7", "object": "chat.completion.chunk" if chat else "text_completion",
        "created": CREATED, "model": body["model"],
    }  # fmt: skip
    found: list[Body] = []
    for delta in _deltas(body):
        found.append({**head, "choices": [_chunk_choice(chat, delta, body)]})
    reason = "tool_calls" if body.get("tools") else "length" if body.get("max_tokens") == 4 else "stop"
    spoken: Body = {"delta": {}} if chat else {"text": ""}
    found.append({**head, "choices": [{"index": 0, **spoken, "logprobs": None, "finish_reason": reason}]})
    if (body.get("stream_options") or {}).get("include_usage"):
        found.append({**head, "choices": [], "usage": _usage()})
    return [b"data: " + json.dumps(event).encode() + b"\n\n" for event in found] + [b"data: [DONE]\n\n"]


def _deltas(body: Body) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    if _thinks(body):
        yield {"reasoning_content": "hmm"}
    if body.get("tools"):
        written = json.dumps(CALL["arguments"])
        first = {"index": 0, "id": "call_1", "type": "function"}
        yield {"tool_calls": [{**first, "function": {"name": CALL["name"], "arguments": ""}}]}
        for piece in (written[:5], written[5:]):
            yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
        return
    for word in WORDS:
        yield {"content": word}


def _chunk_choice(chat: bool, delta: Body, body: Body) -> dict[str, Any]:
    probabilities = None
    if body.get("logprobs") and delta.get("content"):
        probabilities = {"content": [_logprob(delta["content"])]}
    spoken: dict[str, Any] = {"delta": delta} if chat else {"text": delta.get("content", "")}
    return {"index": 0, **spoken, "logprobs": probabilities, "finish_reason": None}


def _openai_whole(path: str, body: Body) -> dict[str, Any]:
    chat = path == "/v1/chat/completions"
    text = "".join(WORDS)
    message: dict[str, Any] = {"role": "assistant", "content": text}
    reason = "stop"
    if _thinks(body):
        message["reasoning_content"] = "hmm"
    if body.get("tools"):
        function = {"name": CALL["name"], "arguments": json.dumps(CALL["arguments"])}
        message.update(content=None, tool_calls=[{"id": "call_1", "type": "function", "function": function}])
        reason = "tool_calls"
    spoken = {"message": message} if chat else {"text": text}
    probabilities = {"content": [_logprob(word) for word in WORDS]} if body.get("logprobs") else None
    choices = [
        {"index": index, **spoken, "logprobs": probabilities, "finish_reason": reason}
        for index in range(body.get("n") or 1)
    ]
    kind = "chat.completion" if chat else "text_completion"
    head = {"id": "chatcmpl-7", "object": kind, "created": CREATED, "model": body["model"]}
    return {**head, "choices": choices, "usage": _usage()}


def _usage() -> dict[str, Any]:
    return {
        "prompt_tokens": 11, "completion_tokens": 4, "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 8}, "completion_tokens_details": {"reasoning_tokens": 1},
    }  # fmt: skip


def _thinks(body: Body) -> bool:
    switch = (body.get("chat_template_kwargs") or {}).get("enable_thinking")
    return bool(switch or body.get("reasoning_effort") or body.get("think"))


def _logprob(token: str) -> dict[str, Any]:
    top = [{"token": token, "logprob": -0.1, "bytes": list(token.encode())}]
    return {**top[0], "top_logprobs": top}


def _ollama_chat(body: Body) -> Iterator[dict[str, Any]]:
    if not body.get("messages"):
        yield {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "load"}
        return
    if _thinks(body):
        yield {"message": {"role": "assistant", "content": "", "thinking": "hmm"}, "done": False}
    if body.get("tools"):
        yield {
            "message": {"role": "assistant", "content": "", "tool_calls": [{"function": CALL}]},
            "done": False,
        }
    else:
        for word in WORDS:
            more = {"logprobs": [_logprob(word)]} if body.get("logprobs") else {}
            yield {"message": {"role": "assistant", "content": word}, "done": False, **more}
    yield {"message": {"role": "assistant", "content": ""}, **_ollama_end(body)}


def _ollama_generate(body: Body) -> Iterator[dict[str, Any]]:
    if not body.get("prompt"):
        yield {"response": "", "done": True, "done_reason": "load"}
        return
    if _thinks(body):
        yield {"response": "", "thinking": "hmm", "done": False}
    for word in WORDS:
        more = {"logprobs": [_logprob(word)]} if body.get("logprobs") else {}
        yield {"response": word, "done": False, **more}
    yield {"response": "", **_ollama_end(body)}


def _ollama_end(body: Body) -> dict[str, Any]:
    limit = (body.get("options") or {}).get("num_predict")
    return {
        "done": True, "done_reason": "length" if limit == 4 else "stop", "total_duration": 9,
        "load_duration": 1, "prompt_eval_count": 11, "prompt_eval_duration": 3, "eval_count": 4,
        "eval_duration": 5,
    }  # fmt: skip


async def _lines(request: web.Request, body: Body, lines: list[dict[str, Any]]) -> web.StreamResponse:
    head = {"model": body["model"], "created_at": AT}
    if body.get("stream") is False:
        return web.json_response({**head, **_merged(lines)})
    return await ndjson(request, [json.dumps({**head, **line}).encode() + b"\n" for line in lines])


def _merged(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """All lines in one, as Ollama answers without a stream."""
    last = dict(lines[-1])
    said = [line.get("message", {"content": line.get("response", ""), **line}) for line in lines]
    text = "".join(one.get("content", "") for one in said)
    thinking = "".join(one.get("thinking", "") for one in said)
    calls = [call for one in said for call in one.get("tool_calls", ())]
    listed = [entry for line in lines for entry in line.get("logprobs", ())]
    if "message" in last:
        message = {"role": "assistant", "content": text}
        last["message"] = (
            message | ({"thinking": thinking} if thinking else {}) | ({"tool_calls": calls} if calls else {})
        )
    else:
        last |= {"response": text} | ({"thinking": thinking} if thinking else {})
    return last | ({"logprobs": listed} if listed else {})


def _embeddings(path: str, body: Body) -> web.Response:
    vector = [0.5, -1.25, 3.0]
    if path == "/api/embeddings":
        return web.json_response({"embedding": vector})
    count = len(body["input"]) if isinstance(body["input"], list) else 1
    if path == "/api/embed":
        found = {
            "embeddings": [vector] * count,
            "total_duration": 1,
            "load_duration": 1,
            "prompt_eval_count": 6,
        }
        return web.json_response({"model": body["model"], **found})
    data = [{"object": "embedding", "index": place, "embedding": vector} for place in range(count)]
    usage = {"prompt_tokens": 6, "total_tokens": 6}
    return web.json_response({"object": "list", "data": data, "model": body["model"], "usage": usage})


# ---- streams by hand


async def stream(request: web.Request, content_type: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type})
    await response.prepare(request)
    return response


async def sse(request: web.Request, events: list[bytes]) -> web.StreamResponse:
    response = await stream(request, "text/event-stream; charset=utf-8")
    for event in events:
        await response.write(event)
    await response.write_eof()
    return response


async def ndjson(request: web.Request, lines: list[bytes]) -> web.StreamResponse:
    response = await stream(request, "application/x-ndjson")
    for line in lines:
        await response.write(line)
    await response.write_eof()
    return response


def cut(response: web.StreamResponse | web.Request) -> None:
    """Break the connection off."""
    request = response if isinstance(response, web.Request) else response._req
    assert request is not None
    assert request.transport is not None
    request.transport.abort()
