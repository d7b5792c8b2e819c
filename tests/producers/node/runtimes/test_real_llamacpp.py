"""A real llama-server: its counts, its slots, killed, restarted, moved, and with everything optional off."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from producers.node.collector import Collector
from producers.node.discovery.finder import Finder
from producers.node.discovery.processes import Processes
from producers.node.probe import Probe
from producers.node.runtimes.deltas import Differences, Totals
from producers.node.runtimes.opened import Reader, opened
from producers.node.runtimes.target import Target
from schemas.events.node_sample import RuntimeSample
from schemas.settings import NodeSettings
from tests.fixtures.ports import free_port
from tests.producers.node.runtimes import real

pytestmark = [pytest.mark.runtimes, pytest.mark.asyncio]

ALL = ("--metrics", "--slots")


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Reader]:
    reader = opened(Target("llamacpp", url, "argv"), Totals())
    try:
        yield reader
    finally:
        await reader.close()


async def sample(reader: Reader | Probe) -> RuntimeSample:
    (found,) = (await reader.read()).runtimes
    return found


async def complete(url: str, tokens: int, prompt: str = "hello there") -> dict[str, Any]:
    body = {"prompt": prompt, "max_tokens": tokens, "temperature": 0, "ignore_eos": True}
    async with httpx.AsyncClient(timeout=120, trust_env=False) as http:
        answer = await http.post(f"{url}/v1/completions", json=body)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()["usage"]
    return found


async def test_what_it_offers(tmp_path: Path) -> None:
    with real.llama_server(tmp_path, free_port(), *ALL) as server:
        await server.start()
        async with reading(server.url) as reader:
            facts = await reader.read()
    (found,), (inventory,) = facts.runtimes, facts.runtime_inventory
    assert (found.status, found.slots, found.requests_running, found.requests_waiting) == ("up", 2, 0, 0)
    (loaded,) = found.models
    assert loaded.context_length in (512, 1024)
    assert loaded.size_bytes > 0
    (available,) = inventory.models
    assert inventory.version
    assert (available.context_length, available.embedding_length) == (2048, 64)
    assert available.parameters > 100_000


async def test_every_token_is_counted_once_while_requests_run(tmp_path: Path) -> None:
    with real.llama_server(tmp_path, free_port(), *ALL) as server:
        await server.start()
        async with reading(server.url) as reader:
            differences, counted, prompts, busiest, most = Differences(), 0.0, 0.0, 0.0, 0.0
            differences.take([await sample(reader)])
            asked = [asyncio.create_task(complete(server.url, 300, f"word {n} " * 20)) for n in range(8)]
            while True:
                ended = all(task.done() for task in asked)
                found = await sample(reader)
                busiest, most = max(busiest, found.requests_running), max(most, found.generation_tokens)
                for _ in range(2):  # two samples of one reading
                    (taken,) = differences.take([found])
                    counted += 0.0 if math.isnan(taken.generation_tokens) else taken.generation_tokens
                    prompts += 0.0 if math.isnan(taken.prompt_tokens) else taken.prompt_tokens
                if ended:
                    break
            usages = [task.result() for task in asked]
    assert counted == sum(usage["completion_tokens"] for usage in usages)
    assert most <= counted, "at no moment was more counted than was written in the end"
    assert 0 < prompts <= sum(usage["prompt_tokens"] for usage in usages), "what is cached is not read"
    assert busiest > 0


async def test_killed_and_restarted(tmp_path: Path) -> None:
    with real.llama_server(tmp_path, free_port(), *ALL) as server:
        await server.start()
        async with reading(server.url) as reader:
            differences = Differences()
            differences.take([await sample(reader)])
            await complete(server.url, 50)
            (used,) = differences.take([await sample(reader)])
            assert used.generation_tokens == 50
            server.kill()
            gone = await sample(reader)
            assert (gone.status, gone.models) == ("down", ())
            await server.start()
            await complete(server.url, 70)
            (back,) = differences.take([await sample(reader)])
            assert (back.status, math.isnan(back.generation_tokens)) == ("up", True), "nobody saw it begin"
            await complete(server.url, 10)
            (later,) = differences.take([await sample(reader)])
            assert later.generation_tokens == 10


async def test_everything_optional_is_off(tmp_path: Path) -> None:
    with real.llama_server(tmp_path, free_port(), "--no-slots") as server:
        await server.start()
        async with reading(server.url) as reader:
            found = await sample(reader)
    assert found.status == "up"
    assert math.isnan(found.requests_running)
    assert len(found.models) == 1


async def test_found_by_its_process_also_on_another_port_and_its_key_is_hidden(tmp_path: Path) -> None:
    collectors: list[Collector] = []
    finder = Finder(NodeSettings(), {}, collectors, Processes().scan)
    try:
        for _ in range(2):
            with real.llama_server(
                tmp_path, port := free_port(), *ALL, "--api-key", "hidden-value"
            ) as server:
                await server.start()
                await finder.read()
                assert f"llamacpp:{port}" in {one.progress.name for one in collectors}
        assert "hidden-value" not in repr([one.view() for one in collectors])
    finally:
        await finder.close()
        for each in collectors:
            await each.stop()


async def test_a_probe_measures(tmp_path: Path) -> None:
    with real.llama_server(tmp_path, free_port(), *ALL) as server:
        await server.start()
        at = Target("llamacpp", server.url, "argv", pid=server.pid)
        probe = Probe(at, opened(at, Totals()), 300.0)
        found = await sample(probe)
        while found.probes_running or math.isnan(found.probe_age_s):
            found = await sample(probe)
        assert found.probe_tokens_per_second > 0
        await probe.close()
