"""Upstreams that do not do what they should."""

import asyncio
import gzip
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.api.router.standin import STANDIN, Behaviour, Body, cut, good, stream

BEGUN = b'data: {"model":"m","choices":[{"index":0,"delta":{"content":"begun"},"finish_reason":null}]}\n\n'
BEGUN_LINE = b'{"model":"m","message":{"role":"assistant","content":"begun"},"done":false}\n'


def status(code: int, body: bytes = b"", content_type: str = "application/json", **headers: str) -> Behaviour:
    """Answer with a status."""

    async def answer(_: web.Request, __: Body) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=code, body=body, content_type=content_type, headers=named)

    return answer


async def hang(_: web.Request, __: Body) -> web.StreamResponse:
    """Take the request and never answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def drop(request: web.Request, _: Body) -> web.StreamResponse:
    """Close the connection in place of an answer."""
    cut(request)
    await asyncio.Event().wait()
    raise AssertionError


def begins(request: web.Request) -> tuple[bytes, str]:
    ollama = request.path.startswith("/api")
    return (BEGUN_LINE, "application/x-ndjson") if ollama else (BEGUN, "text/event-stream")


def after(pieces: bytes, then: Callable[[web.Request], Any]) -> Behaviour:
    """Begin an answer, send ``pieces``, and do what ``then`` does."""

    async def answer(request: web.Request, _: Body) -> web.StreamResponse:
        begun, content_type = begins(request)
        response = await stream(request, content_type)
        await response.write(begun)
        await asyncio.sleep(0.05)  # so that it arrives apart from what follows
        if pieces:
            await response.write(pieces)
            await asyncio.sleep(0.05)
        found = then(request)
        if found is not None:
            await found
        await response.write_eof()
        return response

    return answer


dies = after(b"", cut)
dies_in_a_line = after(b'data: {"choi', cut)
ends_early = after(b"", lambda _: None)
falls_silent = after(b"", lambda _: asyncio.Event().wait())


async def zipped(request: web.Request, body: Body) -> web.StreamResponse:
    """Compress, though it was told not to."""
    found = await good(request, {**body, "stream": False})
    assert isinstance(found, web.Response)
    assert isinstance(found.body, bytes)
    packed = gzip.compress(found.body)
    return web.Response(body=packed, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})


async def other_model(request: web.Request, body: Body) -> web.StreamResponse:
    """Answer by another model than was asked for."""
    return await good(request, {**body, "model": "another"})


async def endless(request: web.Request, _: Body) -> web.StreamResponse:
    """Stream without an end, as fast as it is read."""
    response = await stream(request, "text/event-stream")
    choice = {"index": 0, "delta": {"content": "x" * 8000}, "finish_reason": None}
    event = b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"
    while True:
        await response.write(event)
        request[STANDIN].written += len(event)


def late(seconds: float, then: Behaviour = good) -> Behaviour:
    """Do something after some time."""

    async def answer(request: web.Request, body: Body) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await then(request, body)

    return answer


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Do one thing after another, the last again and again."""
    left = list(behaviours)

    async def answer(request: web.Request, body: Body) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request, body)

    return answer


async def whole_in_place_of_a_stream(_: web.Request, __: Body) -> web.StreamResponse:
    """Answer with a page of a proxy."""
    return web.Response(text="<html>gateway</html>", content_type="text/html")
