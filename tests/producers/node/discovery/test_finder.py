"""Collectors come and go with the runtimes, on real sockets; the processes are given."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from pydantic import SecretStr

from producers.node.collector import Collector
from producers.node.discovery.argv import Started
from producers.node.discovery.finder import GONE_S, Finder
from producers.node.discovery.processes import Process
from producers.node.runtimes.target import Kind
from schemas.events.node_registered import RuntimeInventory
from schemas.events.node_sample import RuntimeSample
from schemas.settings import NodeSettings
from tests.fixtures.ports import free_port
from tests.producers.node.runtimes.runtime_server import RuntimeServer, models, serving
from tests.producers.registry_server import until


@dataclass
class Machine:
    """What runs, and the agent's collectors."""

    processes: list[Process] = field(default_factory=list)
    collectors: list[Collector] = field(default_factory=list)
    now_s: float = 100.0

    def samples(self) -> dict[str, RuntimeSample]:
        return {
            each.runtime_id: each
            for one in self.collectors
            if (reading := one.view().reading) is not None
            for each in reading.facts.runtimes
        }

    def registered(self, runtime_id: str) -> RuntimeInventory:
        (found,) = [
            each
            for one in self.collectors
            if (reading := one.view().reading) is not None
            for each in reading.facts.runtime_inventory
            if each.runtime_id == runtime_id
        ]
        return found

    async def read(self) -> dict[str, RuntimeSample]:
        """Wait until every collector has read once more."""
        before = {one.progress.name: one.progress.runs for one in self.collectors}
        await until(lambda: all(one.progress.runs > before[one.progress.name] for one in self.collectors))
        return self.samples()


@asynccontextmanager
async def finding(machine: Machine, settings: NodeSettings | None = None) -> AsyncIterator[Finder]:
    def scan() -> Sequence[Process]:
        return machine.processes

    finder = Finder(settings or NodeSettings(), {}, machine.collectors, scan, lambda: machine.now_s)
    try:
        yield finder
    finally:
        await finder.close()
        assert machine.collectors == [], "it stops what it started"


def process(port: int, kind: Kind = "vllm", pid: int = 10) -> Process:
    return Process(pid, Started(kind, port), None, f"{kind} serve m --port {port}")


def vllm(tokens: float = 1000.0) -> RuntimeServer:
    page = f'vllm:num_requests_running 1\nvllm:generation_tokens_total{{model_name="m"}} {tokens}\n'
    return RuntimeServer(
        {"/v1/models": models("m", owner="vllm"), "/metrics": page, "/version": {"version": "1"}}
    )


def ollama() -> RuntimeServer:
    return RuntimeServer(
        {"/api/version": {"version": "0.17.4"}, "/api/ps": {"models": []}, "/api/tags": {"models": []}}
    )


@pytest.mark.asyncio
async def test_several_runtimes_and_several_of_one_kind() -> None:
    machine, one, two, other = Machine(), vllm(), vllm(), ollama()
    machine.processes = [process(one.port, pid=1), process(two.port, pid=2), process(other.port, "ollama", 3)]
    async with serving(one), serving(two), serving(other), finding(machine) as finder:
        await finder.read()
        found = await machine.read()
        assert found.keys() == {f"vllm:{one.port}", f"vllm:{two.port}", f"ollama:{other.port}"}
        assert {each.status for each in found.values()} == {"up"}
        inventory = machine.registered(f"ollama:{other.port}")
        assert (inventory.discovered_by, inventory.pid, inventory.version) == ("argv", 3, "0.17.4")
        assert inventory.command_line == f"ollama serve m --port {other.port}"
        await finder.read()
        assert len(machine.collectors) == 3, "what is known is not added again"


@pytest.mark.asyncio
async def test_what_it_is_told_by_itself_and_not_by_its_process() -> None:
    machine, server = Machine(), ollama()
    machine.processes = [process(server.port, "vllm")]
    async with serving(server), finding(machine) as finder:
        await finder.read()
        assert (await machine.read()).keys() == {f"ollama:{server.port}"}


@pytest.mark.asyncio
async def test_stop_and_start() -> None:
    machine, server = Machine(), vllm()
    machine.processes = [process(server.port)]
    async with finding(machine) as finder:
        async with serving(server):
            await finder.read()
            await machine.read()
        machine.processes = []
        await finder.read()
        assert (await machine.read())[f"vllm:{server.port}"].status == "down"
        async with serving(server):
            machine.processes = [process(server.port, pid=11)]
            await finder.read()
            assert (await machine.read())[f"vllm:{server.port}"].status == "up"
            assert machine.registered(f"vllm:{server.port}").pid == 11
        assert len(machine.collectors) == 1


@pytest.mark.asyncio
async def test_a_port_change_is_one_gone_and_one_found() -> None:
    machine, before, after = Machine(), vllm(), vllm()
    machine.processes = [process(before.port)]
    async with finding(machine) as finder:
        async with serving(before):
            await finder.read()
        machine.processes = [process(after.port, pid=11)]
        async with serving(after):
            await finder.read()
            found = await machine.read()
            assert {each.runtime_id: each.status for each in found.values()} == {
                f"vllm:{before.port}": "down",
                f"vllm:{after.port}": "up",
            }
            machine.now_s += GONE_S + 1
            await finder.read()
            assert (await machine.read()).keys() == {f"vllm:{after.port}"}


@pytest.mark.asyncio
async def test_two_runtimes_on_one_port_in_turn() -> None:
    machine, first = Machine(), vllm(tokens=50_000)
    second = ollama()
    second.port = first.port
    machine.processes = [process(first.port)]
    async with finding(machine) as finder:
        async with serving(first):
            await finder.read()
            await machine.read()
        async with serving(second):
            await finder.read()
            found = await machine.read()
            assert {each.runtime_id: each.status for each in found.values()} == {f"ollama:{first.port}": "up"}
        first.routes |= vllm(tokens=70_000).routes
        async with serving(first):
            await finder.read()
            found = await machine.read()
            assert found.keys() == {f"vllm:{first.port}"}
            assert not found[f"vllm:{first.port}"].generation_tokens > 0, (
                "what it counted elsewhere is not ours"
            )


@pytest.mark.asyncio
async def test_what_listens_and_is_no_runtime_is_asked_less_and_less_often() -> None:
    machine, other = Machine(), RuntimeServer({"/": "hello"})
    machine.processes = [process(other.port)._replace(pid=0)]
    async with serving(other), finding(machine) as finder:
        for _ in range(30):
            await finder.read()
        assert machine.collectors == []
        assert 3 <= other.asked.count("/v1/models") <= 12
        other.routes |= vllm().routes
        for _ in range(13):
            await finder.read()
        assert len(machine.collectors) == 1


@pytest.mark.asyncio
async def test_one_that_loads_is_asked_at_every_scan() -> None:
    machine, server = Machine(), RuntimeServer({}, status=503)
    machine.processes = [process(server.port)]
    async with serving(server), finding(machine) as finder:
        for _ in range(20):
            await finder.read()
        server.routes, server.status = vllm().routes, 200
        await finder.read()
        assert len(machine.collectors) == 1


@pytest.mark.asyncio
async def test_whatever_speaks_openai_is_no_runtime_unless_it_is_named() -> None:
    machine, server = Machine(), RuntimeServer({"/v1/models": models("m")})
    machine.processes = [process(server.port)]
    async with serving(server):
        async with finding(machine) as finder:
            await finder.read()
            assert machine.collectors == []
        async with finding(machine, NodeSettings(runtimes=server.url)) as finder:
            await finder.read()
            assert (await machine.read()).keys() == {f"openai:{server.port}"}


@pytest.mark.asyncio
async def test_one_that_is_named_is_missed_and_never_forgotten() -> None:
    machine, port = Machine(), free_port()
    settings = NodeSettings(runtimes=f"vllm=http://127.0.0.1:{port}", discover=False)
    async with finding(machine, settings) as finder:
        await finder.read()
        machine.now_s += GONE_S + 1
        await finder.read()
        (found,) = (await machine.read()).values()
        assert (found.runtime_id, found.status) == (f"vllm:{port}", "down")


@pytest.mark.asyncio
async def test_the_key_goes_to_those_who_are_named_alone() -> None:
    machine, named, found = Machine(), vllm(), vllm()
    settings = NodeSettings(runtimes=named.url, runtime_key=SecretStr("k"))
    machine.processes = [process(found.port)]
    async with serving(named), serving(found), finding(machine, settings) as finder:
        await finder.read()
        await machine.read()
    assert set(named.keys) == {"Bearer k"}
    assert set(found.keys) == {""}


async def hang(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.asyncio
async def test_a_server_that_hangs_holds_up_no_other() -> None:
    machine, good = Machine(), vllm()
    paths = ("/v1/models", "/api/version", "/api/v0/models", "/api/v1/models", "/metrics")
    mute = RuntimeServer(dict.fromkeys(paths, hang))
    machine.processes = [process(mute.port, pid=1), process(good.port, pid=2)]
    async with serving(mute), serving(good), finding(machine) as finder:
        await asyncio.wait_for(finder.read(), 30)
        assert (await machine.read()).keys() == {f"vllm:{good.port}"}


@pytest.mark.asyncio
async def test_one_that_begins_to_hang_stays_as_an_error() -> None:
    machine, server = Machine(), vllm()
    machine.processes = [process(server.port)]
    async with serving(server), finding(machine) as finder:
        await finder.read()
        await machine.read()
        server.routes = dict.fromkeys(("/v1/models", "/api/version", "/metrics"), hang)
        for _ in range(2):
            machine.now_s += GONE_S - 1
            await finder.read()
        await machine.read()
        assert (await machine.read())[f"vllm:{server.port}"].status == "error"
