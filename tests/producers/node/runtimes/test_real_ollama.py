"""A real Ollama: models loaded and unloaded, killed, restarted, and moved to another port."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from producers.node.collector import Collector
from producers.node.discovery.finder import Finder
from producers.node.discovery.processes import Processes
from producers.node.probe import QUIET_S, Probe
from producers.node.runtimes.deltas import Totals
from producers.node.runtimes.opened import Reader, opened
from producers.node.runtimes.target import Target
from schemas.events.node_sample import RuntimeSample
from schemas.settings import NodeSettings
from tests.fixtures.ports import free_port
from tests.producers.node.runtimes import real
from tests.producers.registry_server import until

pytestmark = [pytest.mark.runtimes, pytest.mark.asyncio]


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Reader]:
    reader = opened(Target("ollama", url, "argv"), Totals())
    try:
        yield reader
    finally:
        await reader.close()


async def sample(reader: Reader | Probe) -> RuntimeSample:
    (found,) = (await reader.read()).runtimes
    return found


async def generate(url: str, **body: object) -> dict[str, object]:
    asked = {"model": "tiny", "prompt": "hello", "stream": False, "options": {"num_predict": 20}, **body}
    async with httpx.AsyncClient(timeout=120, trust_env=False) as http:
        answer = await http.post(f"{url}/api/generate", json=asked)
    answer.raise_for_status()
    found: dict[str, object] = answer.json()
    return found


async def test_a_model_is_known_loaded_used_and_unloaded(tmp_path: Path) -> None:
    with real.ollama(tmp_path, port := free_port()) as server:
        await server.start()
        real.create(tmp_path, port)
        async with reading(server.url) as reader:
            facts = await reader.read()
            assert facts.runtimes[0].models == ()
            (inventory,) = facts.runtime_inventory
            assert inventory.version
            (available,) = inventory.models
            assert (available.name, available.architecture) == ("tiny:latest", "llama")
            assert (available.layers, available.heads, available.kv_heads) == (2, 4, 2)
            assert (available.context_length, available.embedding_length) == (2048, 64)
            assert available.parameters > 100_000
            await generate(server.url)
            used = await sample(reader)
            (loaded,) = used.models
            assert (loaded.name, loaded.context_length, loaded.vram_bytes) == ("tiny:latest", 512, 0)
            assert loaded.size_bytes > 0
            assert 200 < loaded.expires_in_s <= 300
            assert used.last_activity_age_s < 60
            await generate(server.url, prompt="", keep_alive=0)
            unloaded = await sample(reader)
            while unloaded.models:
                unloaded = await sample(reader)
            assert unloaded.status == "up"


async def test_killed_and_restarted(tmp_path: Path) -> None:
    with real.ollama(tmp_path, free_port()) as server:
        await server.start()
        async with reading(server.url) as reader:
            assert (await sample(reader)).status == "up"
            server.kill()
            gone = await reader.read()
            assert (gone.runtimes[0].status, gone.runtimes[0].models) == ("down", ())
            await server.start()
            assert (await sample(reader)).status == "up"


async def test_found_by_its_process_also_on_another_port(tmp_path: Path) -> None:
    collectors: list[Collector] = []
    finder = Finder(NodeSettings(), {}, collectors, Processes().scan)
    ids: set[str] = set()

    async def scan() -> set[str]:
        await finder.read()
        return {one.progress.name for one in collectors} & ids

    try:
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir()
            with real.ollama(tmp_path / folder, port := free_port()) as server:
                ids = {f"ollama:{port}"}
                await server.start()
                assert await scan() == ids
                (found,) = [one for one in collectors if one.progress.name in ids]
                await until(lambda one=found: one.view().reading is not None)
                reading = found.view().reading
                assert reading is not None
                (inventory,) = reading.facts.runtime_inventory
                assert (inventory.pid, inventory.discovered_by) == (server.pid, "environment")
                assert inventory.command_line.endswith("ollama serve")
    finally:
        await finder.close()
        for each in collectors:
            await each.stop()


async def test_a_probe_measures_and_is_no_activity(tmp_path: Path) -> None:
    now = [1000.0]
    with real.ollama(tmp_path, port := free_port()) as server:
        await server.start()
        real.create(tmp_path, port)
        at = Target("ollama", server.url, "argv", pid=server.pid)
        probe = Probe(at, opened(at, Totals()), 300.0, lambda: now[0], lambda pid: 0.0)
        now[0] += 2 * QUIET_S
        assert (await sample(probe)).probes_running == 0.0, "nothing is loaded"
        await probe.close()
        await generate(server.url)
        probe = Probe(at, opened(at, Totals()), 300.0, lambda: now[0], lambda pid: 0.0)
        await sample(probe)
        now[0] += 2 * QUIET_S  # nobody used it since this probe began to look
        found = await sample(probe)
        assert found.probes_running == 1.0
        (before,) = found.models
        while found.probes_running or math.isnan(found.probe_age_s):
            found = await sample(probe)
        assert found.probe_tokens_per_second > 0
        assert not found.last_activity_age_s < QUIET_S
        (after,) = found.models
        assert after.expires_in_s <= before.expires_in_s, "it stays no longer than it would have"
        await probe.close()
