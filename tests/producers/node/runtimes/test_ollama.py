"""Ollama's interface, by a server that answers as Ollama does, and as it should not."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from aiohttp import web

from producers.node.runtimes.http import LIMIT_BYTES, number
from producers.node.runtimes.ollama import Activity, Address, Ollama, address, available_model, moment
from producers.node.source import SensorAbsent
from tests.fixtures.ports import free_port
from tests.producers.registry_server import serve

QWEN = {
    "general.architecture": "qwen2",
    "general.parameter_count": 7_615_616_512,
    "qwen2.context_length": 32768,
    "qwen2.block_count": 28,
    "qwen2.attention.head_count": 28,
    "qwen2.attention.head_count_kv": 4,
    "qwen2.embedding_length": 3584,
}
TAG = {
    "name": "qwen2.5:7b",
    "model": "qwen2.5:7b",
    "digest": "845dbda0ea48",
    "size": 4_683_087_332,
    "details": {"family": "qwen2", "quantization_level": "Q4_K_M", "parameter_size": "7.6B"},
}


class FakeOllama:
    """Answers as 0.17 does; ``fault`` replaces the answer to ``/api/ps``."""

    def __init__(self) -> None:
        self.expires_at = "2026-07-01T12:00:00.123456789+02:00"
        self.fault: Any = None
        self.shows: list[str] = []
        self.asked: list[str] = []

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/ps", self._ps)
        app.router.add_get("/api/version", self._version)
        app.router.add_get("/api/tags", self._tags)
        app.router.add_post("/api/show", self._show)
        return app

    async def _ps(self, request: web.Request) -> web.StreamResponse:
        if self.fault is not None:
            found: web.StreamResponse = await self.fault(request)
            return found
        loaded = TAG | {
            "size": 6_013_000_000,
            "size_vram": 6_000_000_000,
            "context_length": 4096,
            "expires_at": self.expires_at,
        }
        return web.json_response({"models": [loaded]})

    async def _version(self, request: web.Request) -> web.Response:
        self.asked.append("version")
        return web.json_response({"version": "0.17.4"})

    async def _tags(self, request: web.Request) -> web.Response:
        return web.json_response({"models": [TAG]})

    async def _show(self, request: web.Request) -> web.Response:
        self.shows.append((await request.json())["model"])
        return web.json_response({"license": "x" * 20_000, "model_info": QWEN})


@asynccontextmanager
async def running(server: FakeOllama, port: int | None = None) -> AsyncIterator[Ollama]:
    port = port or free_port()
    runner = await serve(server.app(), port)
    ollama = Ollama(Address(f"http://127.0.0.1:{port}", "default"))
    try:
        yield ollama
    finally:
        await ollama.close()
        await runner.cleanup()


@pytest.mark.asyncio
async def test_what_is_loaded_and_what_could_be() -> None:
    server = FakeOllama()
    async with running(server) as ollama:
        facts = await ollama.read()
        await ollama.read()
    (runtime,) = facts.runtimes
    assert (runtime.kind, runtime.status, runtime.age_s) == ("ollama", "up", 0.0)
    assert math.isnan(runtime.last_activity_age_s), "the first look shows no activity"
    assert math.isnan(runtime.generation_tokens), "it counts none"
    (model,) = runtime.models
    assert (model.name, model.size_bytes, model.vram_bytes, model.context_length) == (
        "qwen2.5:7b", 6.013e9, 6e9, 4096
    )  # fmt: skip
    assert model.expires_in_s == pytest.approx(moment(server.expires_at) - time.time(), abs=5)
    (inventory,) = facts.runtime_inventory
    assert (inventory.version, inventory.discovered_by) == ("0.17.4", "default")
    (available,) = inventory.models
    assert (available.architecture, available.quantization, available.loaded) == ("qwen2", "Q4_K_M", True)
    assert (available.layers, available.heads, available.kv_heads) == (28, 28, 4)
    assert (available.context_length, available.embedding_length) == (32768, 3584)
    assert server.shows == ["qwen2.5:7b"], "details are asked for once"
    assert server.asked == ["version"], "what changes seldom is asked for seldom"


@pytest.mark.asyncio
async def test_activity_is_seen_when_the_expiry_moves() -> None:
    server = FakeOllama()
    async with running(server) as ollama:
        await ollama.read()
        server.expires_at = "2026-07-01T12:05:00+02:00"
        (moved,) = (await ollama.read()).runtimes
        (later,) = (await ollama.read()).runtimes
    assert moved.last_activity_age_s == 0
    assert later.last_activity_age_s > 0


def test_activity_by_hand() -> None:
    activity = Activity()

    def ps(**expiries: str) -> dict[str, Any]:
        return {"models": [{"name": name, "expires_at": at} for name, at in expiries.items()]}

    assert math.isnan(activity.observe(ps(a="1"), 10))
    assert math.isnan(activity.observe(ps(a="1"), 12))
    assert activity.observe(ps(a="2"), 14) == 0
    assert activity.observe(ps(a="2"), 20) == 6
    assert activity.observe(ps(), 22) == 8, "unloading is no request"
    assert activity.observe(ps(b="9"), 24) == 0, "a model was loaded for someone"


async def html(request: web.Request) -> web.Response:
    return web.Response(text="<html>welcome</html>", content_type="text/html")


async def huge(request: web.Request) -> web.Response:
    return web.Response(body=b'{"models": [' + b" " * (LIMIT_BYTES + 10) + b"]}")


async def not_an_object(request: web.Request) -> web.Response:
    return web.json_response([1, 2])


async def no_models(request: web.Request) -> web.Response:
    return web.json_response({"error": "no"})


async def nested(request: web.Request) -> web.Response:
    return web.Response(body=b"[" * 200_000)


async def latin(request: web.Request) -> web.Response:
    return web.Response(body='{"models": ["é"]}'.encode("latin-1"))


async def status_500(request: web.Request) -> web.Response:
    return web.Response(status=500)


async def half_a_line(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Length": "1000"})
    await answer.prepare(request)
    await answer.write(b'{"models"')
    assert request.transport is not None
    request.transport.close()
    return answer


async def hang(request: web.Request) -> web.Response:
    await asyncio.sleep(30)
    return web.Response()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "fault", [html, huge, not_an_object, no_models, nested, latin, status_500, half_a_line, hang]
)
async def test_a_bad_answer_is_an_error_of_the_runtime(fault: Any) -> None:
    server = FakeOllama()
    async with running(server) as ollama:
        await ollama.read()
        server.fault = fault
        facts = await ollama.read()
        (runtime,) = facts.runtimes
        assert (runtime.status, runtime.models) == ("error", ())
        assert facts.trouble
        server.fault = None
        (runtime,) = (await ollama.read()).runtimes
        assert runtime.status == "up"


@pytest.mark.asyncio
async def test_a_server_that_stops_is_down_and_comes_back() -> None:
    server, port = FakeOllama(), free_port()
    ollama = Ollama(Address(f"http://127.0.0.1:{port}", "default"))
    async with running(server, port):
        await ollama.read()
    facts = await ollama.read()
    assert facts.runtimes[0].status == "down"
    assert len(facts.runtime_inventory) == 1, "it is still known"
    async with running(server, port):
        assert (await ollama.read()).runtimes[0].status == "up"
    await ollama.close()
    assert server.asked == ["version", "version"], "it may be another version now"


@pytest.mark.asyncio
async def test_none_there_is_absent_and_one_that_was_named_is_down() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    found, named = Ollama(Address(url, "default")), Ollama(Address(url, "settings"))
    with pytest.raises(SensorAbsent, match="nothing listens"):
        await found.read()
    assert (await named.read()).runtimes[0].status == "down"
    await found.close()
    await named.close()


@pytest.mark.asyncio
async def test_something_else_on_the_port_is_absent() -> None:
    server = FakeOllama()
    server.fault = html
    async with running(server) as ollama:
        with pytest.raises(SensorAbsent, match="not JSON"):
            await ollama.read()


@pytest.mark.parametrize(
    ("setting", "host", "expected"),
    [
        ("", "", ("http://127.0.0.1:11434", "default")),
        ("http://gpu:1/", "ignored", ("http://gpu:1", "settings")),
        ("", "0.0.0.0", ("http://127.0.0.1:11434", "environment")),
        ("", "0.0.0.0:9000", ("http://127.0.0.1:9000", "environment")),
        ("", ":9000", ("http://127.0.0.1:9000", "environment")),
        ("", "http://box", ("http://box:80", "environment")),
        ("", "https://box/ollama/", ("https://box:443/ollama", "environment")),
        ("", "[::]:9000", ("http://[::1]:9000", "environment")),
        ("", '"box:9000"', ("http://box:9000", "environment")),
        ("", "box:nonsense", ("http://127.0.0.1:11434", "default")),
    ],
)
def test_where_ollama_is(setting: str, host: str, expected: tuple[str, str]) -> None:
    assert address(setting, {"OLLAMA_HOST": host}) == expected


def test_the_id_is_kind_and_port() -> None:
    assert Address("https://box", "settings").runtime_id == "ollama:443"
    assert Address("http://box:11434", "settings").runtime_id == "ollama:11434"


def test_moments() -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert moment("2026-07-01T12:00:00.123456789+02:00") == pytest.approx(noon.timestamp() + 0.123456)
    assert moment("2026-07-01T10:00:00Z") == noon.astimezone(UTC).timestamp()
    assert all(math.isnan(moment(bad)) for bad in ("", "soon", 5, None, "99999-01-01T00:00:00Z"))


def test_numbers() -> None:
    assert number(5) == 5
    bad: list[Any] = [True, -1, "5", None, [], 10**400, float("inf")]
    assert all(math.isnan(number(value)) for value in bad)


def test_an_architecture_that_is_not_told_gives_no_shape() -> None:
    model = available_model({"name": "x"}, {}, loaded=False)
    assert model.architecture == ""
    assert math.isnan(model.layers)
