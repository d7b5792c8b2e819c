"""Any runtime, read again and again: it goes, comes back, lies, and is another one."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from producers.node.runtimes.deltas import Differences, Totals
from producers.node.runtimes.http import LIMIT_BYTES
from producers.node.runtimes.opened import opened
from producers.node.runtimes.runtime import Runtime
from producers.node.runtimes.target import Kind, Target
from producers.node.runtimes.vllm import Vllm
from schemas.events.node_sample import RuntimeSample
from tests.producers.node.runtimes.runtime_server import RuntimeServer, models, serving

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


HTML, NO_TEXT, DEEP = "<html>no</html>", b"\xff\xfe", "[" * 10_000


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def page(tokens: float, running: float = 0.0) -> str:
    labels = '{engine="0",model_name="m"}'
    return f"vllm:num_requests_running{labels} {running}\nvllm:generation_tokens_total{labels} {tokens}\n"


UTF_16 = page(1).encode("utf-16")


@asynccontextmanager
async def reading(server: RuntimeServer, clock: Clock) -> AsyncIterator[Runtime]:
    async with serving(server):
        runtime = Runtime(Target("vllm", server.url, "argv", pid=7), Vllm(), Totals(), clock)
        try:
            yield runtime
        finally:
            await runtime.close()


def vllm() -> RuntimeServer:
    return RuntimeServer(
        {
            "/metrics": page(1000, 2),
            "/v1/models": models("m", owner="vllm"),
            "/version": {"version": "0.11.0"},
        }
    )


async def sample(runtime: Runtime) -> RuntimeSample:
    (found,) = (await runtime.read()).runtimes
    return found


@pytest.mark.asyncio
async def test_readings_and_what_is_registered() -> None:
    server, clock = vllm(), Clock()
    async with reading(server, clock) as runtime:
        facts = await runtime.read()
    (found,), (inventory,) = facts.runtimes, facts.runtime_inventory
    assert (found.runtime_id, found.status, found.age_s) == (f"vllm:{server.port}", "up", 0.0)
    assert [(each.name, each.requests_running) for each in found.models] == [("m", 2.0)]
    assert (inventory.version, inventory.discovered_by, inventory.pid) == ("0.11.0", "argv", 7)
    assert facts.trouble == ""


@pytest.mark.asyncio
async def test_what_changes_seldom_is_asked_for_seldom() -> None:
    server, clock = vllm(), Clock()
    async with reading(server, clock) as runtime:
        for _ in range(10):
            await runtime.read()
            clock.now_s += 2.0
    assert server.asked.count("/version") == 1
    assert server.asked.count("/metrics") == 10


@pytest.mark.asyncio
async def test_one_that_is_gone_is_down_and_its_successor_no_burst() -> None:
    server, clock, differences = vllm(), Clock(), Differences()
    runtime = Runtime(Target("vllm", server.url, "argv"), Vllm(), Totals(), clock)
    async with serving(server):
        differences.take([await sample(runtime)])
        clock.now_s += 2.0
        server.routes["/metrics"] = page(1010)
        counted = differences.take([await sample(runtime)])
        assert counted[0].generation_tokens == 10.0
        clock.now_s += 2.0
    facts = await runtime.read()
    (gone,) = facts.runtimes
    assert (gone.status, gone.models) == ("down", ())
    assert math.isnan(gone.requests_running)
    assert "nothing listens" in facts.trouble
    assert math.isnan(differences.take([gone])[0].generation_tokens)
    server.routes["/metrics"] = page(5000)  # higher than before, and yet another process
    async with serving(server):
        clock.now_s += 60.0
        back = await sample(runtime)
        assert back.status == "up"
        assert math.isnan(differences.take([back])[0].generation_tokens)
        clock.now_s += 2.0
        server.routes["/metrics"] = page(5008)
        (sampled,) = differences.take([await sample(runtime)])
        assert (sampled.generation_tokens, sampled.interval_s) == (8.0, 2.0)
    await runtime.close()


async def hang(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def close(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def half(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Length": "1000"})
    await answer.prepare(request)
    await answer.write(b"vllm:generation_tokens_total 12")
    assert request.transport is not None
    request.transport.close()
    return answer


async def endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b"vllm:other 1\n" * 10_000)


@pytest.mark.parametrize(
    "answer",
    [hang, close, half, endless, b"x" * (10 << 20), "<html>no</html>", b"\xff\xfe\x00v", "", UTF_16],
    ids=["hangs", "closes", "half", "endless", "10 MB", "html", "no utf-8", "empty", "utf-16"],
)
@pytest.mark.asyncio
async def test_a_page_that_cannot_be_is_an_error_and_the_next_good_one_is_read(answer: Handler | str) -> None:
    server, clock = vllm(), Clock()
    async with reading(server, clock) as runtime:
        await runtime.read()
        server.routes |= {"/metrics": answer, "/v1/models": "<html>"}
        bad = await runtime.read()
        assert (bad.runtimes[0].status, bad.runtimes[0].models) == ("error", ())
        assert bad.trouble
        server.routes |= vllm().routes
        assert (await sample(runtime)).status == "up"
    assert LIMIT_BYTES < 10 << 20


@pytest.mark.asyncio
async def test_half_a_line_gives_no_number() -> None:
    server, clock = vllm(), Clock()
    server.routes["/metrics"] = page(1000) + 'vllm:num_requests_waiting{engine="0"} 1'
    async with reading(server, clock) as runtime:
        assert math.isnan((await sample(runtime)).requests_waiting)


@pytest.mark.parametrize("kind", ["vllm", "sglang", "llamacpp", "llamabox", "lmstudio", "openai", "ollama"])
@pytest.mark.parametrize(
    "answer", [HTML, NO_TEXT, DEEP, "[1, 2]", '{"data": 3}', '{"models": [1, null, {"name": 4}]}', "1e999"]
)
@pytest.mark.asyncio
async def test_no_kind_raises_or_hangs_whatever_it_is_told(kind: Kind, answer: str | bytes) -> None:
    async def anything(request: web.Request) -> web.StreamResponse:
        content = answer if isinstance(answer, bytes) else answer.encode()
        return web.Response(body=content, content_type="application/json")

    paths = ("/metrics", "/slots", "/health", "/props", "/v1/models", "/version", "/server_info", "/api/ps")
    more = ("/api/tags", "/api/version", "/api/v0/models", "/api/v1/models", "/get_server_info")
    server = RuntimeServer(dict.fromkeys(paths + more, anything))
    async with serving(server):
        reader = opened(Target(kind, server.url, "default"), Totals())
        facts = await reader.read()
        await reader.close()
    assert len(facts.runtimes) == 1
