"""The probe: when it asks, what it asks, and that it is nobody's activity."""

import asyncio
import math
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from producers.node.probe import (
    AFTERGLOW_S,
    BUSY_CPU_RATIO,
    LEAST_STAY_S,
    QUIET_S,
    TOKENS,
    Probe,
    candidate,
    cpu_ratio,
    idle,
    request,
    speed,
)
from producers.node.runtimes.deltas import Totals
from producers.node.runtimes.opened import opened
from producers.node.runtimes.target import Kind, Target
from schemas.events.node_sample import RuntimeSample
from tests.producers.node.runtimes.runtime_server import RuntimeServer, models, serving
from tests.producers.registry_server import until
from tests.samples import model, ollama, runtime

GENERATED = {"usage": {"prompt_tokens": 1, "completion_tokens": 16}}
TIMED = {"timings": {"predicted_per_second": 33.0}, **GENERATED}


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def vllm(running: int = 0, tokens: float = 100.0) -> RuntimeServer:
    page = f"vllm:num_requests_running {running}\nvllm:generation_tokens_total {tokens}\n"
    return RuntimeServer(
        {
            "/metrics": page,
            "/v1/models": models("m", owner="vllm"),
            "/version": {},
            "/v1/completions": TIMED,
        }
    )


def a_running_ollama() -> RuntimeServer:
    """Its expiry moves with each generation, as Ollama's does."""
    server = RuntimeServer({"/api/version": {"version": "0"}, "/api/tags": {"models": []}})
    loaded = {"name": "m", "expires_at": (datetime.now(UTC) + timedelta(seconds=200)).isoformat()}
    server.routes["/api/ps"] = {"models": [loaded]}

    async def generate(_: web.Request) -> web.StreamResponse:
        loaded["expires_at"] = (datetime.now(UTC) + timedelta(seconds=201)).isoformat()
        return web.json_response({"eval_count": 16, "eval_duration": 200_000_000})

    server.routes["/api/generate"] = generate
    return server


@asynccontextmanager
async def probing(
    server: RuntimeServer, clock: Clock, kind: Kind = "vllm", cpu: float = math.inf
) -> AsyncIterator[Probe]:
    async with serving(server):
        at = Target(kind, server.url, "argv", pid=7)
        probe = Probe(at, opened(at, Totals()), 300.0, clock, lambda pid: cpu)
        try:
            yield probe
        finally:
            await probe.close()


async def read(probe: Probe) -> RuntimeSample:
    (found,) = (await probe.read()).runtimes
    return found


async def ended(probe: Probe) -> RuntimeSample:
    """Return the reading after the probe that runs."""
    while (found := await read(probe)).probes_running:
        await asyncio.sleep(0.01)
    return found


@pytest.mark.asyncio
async def test_an_idle_runtime_is_probed_once_in_an_interval() -> None:
    server, clock = vllm(), Clock()
    async with probing(server, clock) as probe:
        first = await read(probe)
        assert (first.probes_running, math.isnan(first.probe_age_s)) == (1.0, True)
        found = await ended(probe)
        assert found.probe_tokens_per_second == 33.0
        assert found.probe_age_s == 0.0
        clock.now_s += 299.0
        assert (await read(probe)).probe_age_s == 299.0
        assert server.asked.count("/v1/completions") == 1
        clock.now_s += 2.0
        await read(probe)
        await ended(probe)
    assert server.asked.count("/v1/completions") == 2
    assert server.bodies[0]["max_tokens"] == TOKENS


@pytest.mark.asyncio
async def test_a_busy_runtime_is_never_probed() -> None:
    server, clock = vllm(running=1), Clock()
    async with probing(server, clock) as probe:
        for _ in range(5):
            assert (await read(probe)).probes_running == 0.0
            clock.now_s += 400.0
    assert "/v1/completions" not in server.asked


@pytest.mark.asyncio
async def test_a_runtime_that_wrote_tokens_since_the_last_reading_is_not_probed() -> None:
    server, clock = vllm(running=1, tokens=100.0), Clock()
    async with probing(server, clock) as probe:
        await read(probe)
        server.routes |= vllm(running=0, tokens=120.0).routes
        clock.now_s += 2.0
        assert (await read(probe)).probes_running == 0.0
        clock.now_s += 2.0
        assert (await read(probe)).probes_running == 1.0


@pytest.mark.asyncio
async def test_a_request_that_came_since_the_reading_stops_the_probe() -> None:
    server, clock = vllm(), Clock()
    pages = iter([server.routes["/metrics"]])

    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(text=next(pages, vllm(running=1).routes["/metrics"]))

    server.routes["/metrics"] = page
    async with probing(server, clock) as probe:
        assert (await read(probe)).probes_running == 1.0
        await ended(probe)
    assert "/v1/completions" not in server.asked


@pytest.mark.asyncio
async def test_what_ollama_shows_of_the_probe_is_no_activity_of_a_user() -> None:
    server, clock = a_running_ollama(), Clock()
    async with probing(server, clock, "ollama", cpu=0.01) as probe:
        await read(probe)
        assert "/api/generate" not in server.asked, "it may have worked until just now"
        clock.now_s += QUIET_S + 1
        assert (await read(probe)).probes_running == 1.0
        found = await ended(probe)
        assert server.asked.count("/api/generate") == 1
        assert found.probe_tokens_per_second == pytest.approx(80.0)
        assert math.isnan(found.last_activity_age_s)
        clock.now_s += AFTERGLOW_S + 1
        await read(probe)
        server.routes["/api/ps"]["models"][0]["expires_at"] = "2030-01-01T00:00:00Z"
        assert (await read(probe)).last_activity_age_s == 0.0, "a user's request is one"
    assert server.bodies[-1]["keep_alive"] in {f"{stay}s" for stay in range(190, 201)}


@pytest.mark.parametrize("cpu", [BUSY_CPU_RATIO, math.inf])
@pytest.mark.asyncio
async def test_an_ollama_that_works_for_long_or_whose_process_is_not_known_is_left_alone(cpu: float) -> None:
    server, clock = a_running_ollama(), Clock()
    async with probing(server, clock, "ollama", cpu) as probe:
        await read(probe)
        clock.now_s += QUIET_S + 1
        assert (await read(probe)).probes_running == 1.0
        await ended(probe)
    assert "/api/generate" not in server.asked


def test_a_process_that_works_is_seen_even_where_it_gets_little_of_the_cpu() -> None:
    stop: list[bool] = []
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_spin, stop)
        try:
            assert cpu_ratio(os.getpid()) >= BUSY_CPU_RATIO
        finally:
            stop.append(True)


def _spin(stop: list[bool]) -> None:
    while not stop:
        sum(range(10_000))


@pytest.mark.asyncio
async def test_nothing_is_loaded_by_a_probe() -> None:
    server, clock = a_running_ollama(), Clock()
    server.routes["/api/ps"] = {"models": []}
    async with probing(server, clock, "ollama", cpu=0.01) as probe:
        await read(probe)
        clock.now_s += QUIET_S + 1
        assert (await read(probe)).probes_running == 0.0
    assert server.asked.count("/api/generate") == 0


@pytest.mark.asyncio
async def test_a_gateway_is_never_probed() -> None:
    server, clock = RuntimeServer({"/v1/models": models("m"), "/v1/completions": GENERATED}), Clock()
    async with probing(server, clock, "openai", cpu=0.0) as probe:
        await read(probe)
        clock.now_s += QUIET_S + 1
        assert (await read(probe)).probes_running == 0.0


@pytest.mark.parametrize("answer", ["<html>", {"usage": {}}, {"usage": {"completion_tokens": -5}}, [1], None])
@pytest.mark.asyncio
async def test_a_probe_that_fails_has_no_speed(answer: Any) -> None:
    server, clock = vllm(), Clock()
    server.routes["/v1/completions"] = answer
    async with probing(server, clock) as probe:
        await read(probe)
        found = await ended(probe)
    assert math.isnan(found.probe_tokens_per_second)
    assert found.probe_age_s == 0.0


@pytest.mark.asyncio
async def test_one_that_hangs_delays_no_reading_and_ends_with_the_agent() -> None:
    server, clock = vllm(), Clock()

    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    server.routes["/v1/completions"] = hang
    async with probing(server, clock) as probe:
        await read(probe)
        await until(lambda: "/v1/completions" in server.asked)
        assert (await read(probe)).probes_running == 1.0


def test_idle() -> None:
    assert idle(runtime(), generated=False, quiet_s=0.0)
    assert not idle(runtime(), generated=True, quiet_s=0.0)
    assert not idle(runtime(requests_running=1.0), generated=False, quiet_s=999.0)
    assert not idle(runtime(requests_waiting=1.0), generated=False, quiet_s=999.0)
    assert not idle(runtime(status="error"), generated=False, quiet_s=999.0)
    silent = ollama(last_activity_age_s=math.nan)
    assert not idle(silent, generated=False, quiet_s=QUIET_S - 1)
    assert idle(silent, generated=False, quiet_s=QUIET_S)
    assert not idle(silent._replace(last_activity_age_s=1.0), generated=False, quiet_s=QUIET_S)


def test_a_model_that_is_about_to_go_is_let_go() -> None:
    going, staying = model("a", expires_in_s=LEAST_STAY_S - 1), model("b", expires_in_s=math.nan)
    assert candidate(runtime(models=(going, staying))) == staying
    assert candidate(runtime(models=(going,))) is None


def test_requests() -> None:
    assert request("ollama", model("m", expires_in_s=-7.0)).body.get("keep_alive") is None
    assert request("ollama", model("m", expires_in_s=90.9)).body["keep_alive"] == "90s"
    assert request("vllm", model("m")).path == "/v1/completions"


def test_speed() -> None:
    assert speed({"eval_count": 20, "eval_duration": 500_000_000}, 9.0) == 40.0
    assert speed(TIMED, 9.0) == 33.0
    assert speed(GENERATED, 2.0) == 8.0
    assert math.isnan(speed(GENERATED, 0.0))
    assert math.isnan(speed("no", 1.0))


def test_a_process_that_is_gone_is_never_known_to_be_idle() -> None:
    assert cpu_ratio(0) == math.inf
    assert cpu_ratio(2**22 + 1) == math.inf
