"""A router killed under load, with another one beside it: every request that was received has one end."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from api.router.lifecycle.lives import DIED
from schemas.settings import KafkaSettings, RegistrySettings
from tests.api.router import behaviours as does
from tests.api.router.lifecycle.kept import Facts, read_facts
from tests.api.router.lifecycle.load import Clients, asking
from tests.api.router.lifecycle.process import RouterProcess, router_process
from tests.api.router.standin import Loop, Standin, good
from tests.fixtures.kafka import broker
from tests.fixtures.ports import free_port
from tests.producers.registry_server import until

pytestmark = pytest.mark.integration

FINISHED = "penstock_router_requests_finished_total"


def ended(router: RouterProcess) -> float:
    return sum(value for name, value in router.metrics().items() if name.startswith(FINISHED))


def read_when(kafka: KafkaSettings, registry: str, ids: set[str]) -> Facts:
    """Return the facts once all these requests have ended in them."""

    def enough(facts: Facts) -> bool:
        return ids <= {event.request_id for event in facts.finished} and not facts.open

    return read_facts(kafka, RegistrySettings(url=registry), enough)


@pytest.fixture
def upstream(loop: Loop) -> "Standin":
    return Standin(loop, "vllm", {"m": does.late(0.02), "held": does.falls_silent, "quick": good})


async def loaded(
    router: RouterProcess, other: RouterProcess, clients: Clients, others: Clients, kill: Callable[[], None]
) -> None:
    """Let many ask both routers; kill the first in the middle of it."""
    async with (
        asking(other.url, others, count=4),
        asking(other.url, others, count=3, model="held"),
        asking(router.url, clients, count=16),
        asking(router.url, clients, count=5, model="held"),
    ):
        await until(lambda: len(clients.whole) > 100 and len(others.whole) > 20)
        await asyncio.to_thread(kill)
        seen = len(others.whole)
        await until(lambda: len(others.whole) > seen + 5)


@pytest.mark.parametrize("all_of_it", [False, True], ids=["router", "router-and-facts"])
def test_a_router_killed_under_load_ends_its_requests_when_it_is_back(
    tmp_path: Path, upstream: Standin, kafka_settings: KafkaSettings, registry_url: str, all_of_it: bool
) -> None:
    upstream.start()
    ports = free_port(), free_port()
    clients, others, later = Clients(), Clients(), Clients()
    with ExitStack() as running:

        def start(port: int) -> RouterProcess:
            return running.enter_context(
                router_process(tmp_path, port, upstream.url, kafka_settings, registry_url)
            )

        first, second = map(start, ports)
        asyncio.run(loaded(first, second, clients, others, first.kill_all if all_of_it else first.kill))
        again = start(ports[0])
        asyncio.run(ask_some(again, later, 20))
        assert again.metrics()["penstock_router_requests_unbalanced"] == 0
        assert second.metrics()["penstock_router_requests_unbalanced"] == 0
        running.close()
    upstream.stop()
    facts = read_when(kafka_settings, registry_url, later.whole | others.whole)
    died = [event for event in facts.finished if event.error == DIED]
    names = {event.router_id for event in facts.received}
    assert len(names) == 2
    # What was open at the kill: the five that the upstream held, at least, and none of the second router's.
    assert len({event.router_id for event in died}) == 1
    assert len(died) >= 5
    assert {event.outcome for event in died} == {"router_stopped"}
    assert all(
        event.node_id and event.attempts == 1 for event in died if event.http_status == 0 and event.ttft_s > 0
    )
    held = [event for event in died if event.model == "held"]
    assert len(held) == 5
    # What came within the last moment before the kill is not written down: a few of each client's at most.
    told = {event.request_id for event in facts.received}
    assert len(clients.ids - told) <= 3 * 21
    completed = {event.request_id for event in facts.finished if event.outcome == "completed"}
    assert len((clients.whole & told) - completed) <= 3 * 21
    assert len(later.whole) == 20
    assert others.whole | later.whole <= completed


def test_facts_whose_process_is_killed_are_told_by_the_next_one(
    tmp_path: Path, upstream: Standin, kafka_settings: KafkaSettings, registry_url: str
) -> None:
    """The router goes on: nothing is missing, nothing ends that did not, whenever it happens."""
    upstream.start()
    clients, held = Clients(), Clients()
    with router_process(tmp_path, free_port(), upstream.url, kafka_settings, registry_url) as router:

        async def asked() -> None:
            async with asking(router.url, held, count=3, model="held"), asking(router.url, clients, count=8):
                for _ in range(3):
                    seen, before = len(clients.whole), router.clerk().pid
                    await until(lambda seen=seen: len(clients.whole) > seen + 30)
                    router.clerk().kill()
                    await until(lambda before=before: _clerks(router) not in ([], [before]))
                await until(lambda: router.metrics()["penstock_router_facts_open"] >= 3, 30)

        asyncio.run(asked())
        until_all = clients.whole | clients.ids
        facts = read_when(kafka_settings, registry_url, until_all | held.ids)
        found = router.metrics()
        assert found["penstock_router_requests_unrecorded_total"] == 0
        assert found["penstock_router_requests_unbalanced"] == 0
    upstream.stop()
    assert {event.outcome for event in facts.finished if event.request_id in clients.whole} == {"completed"}
    assert DIED not in {event.error for event in facts.finished}


def _clerks(router: RouterProcess) -> list[int]:
    return [
        child.pid for child in psutil.Process(router.process.pid).children() if child.status() != "zombie"
    ]


async def ask_some(router: RouterProcess, clients: Clients, count: int) -> None:
    """Ask one after another."""
    import aiohttp

    async with aiohttp.ClientSession() as session:
        for _ in range(count):
            await clients.ask(session, router.url, "quick")


def test_kafka_away_for_a_while_costs_nothing(
    tmp_path: Path, upstream: Standin, registry_url: str, topic_prefix: str
) -> None:
    """Kafka is killed under load, requests go on, and when it is back every fact is there."""
    upstream.start()
    port, controller = free_port(), free_port()
    kafka = KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}", topic_prefix=topic_prefix)
    clients = Clients()
    folder = tmp_path / "kafka"
    folder.mkdir()
    with ExitStack() as kept:
        first = kept.enter_context(broker(folder, port, controller))
        router = kept.enter_context(router_process(tmp_path, free_port(), upstream.url, kafka, registry_url))

        async def asked() -> None:
            async with asking(router.url, clients, count=8):
                await until(lambda: len(clients.whole) > 50)
                first.kill()
                await until(lambda: router.metrics()['penstock_router_facts_waiting{place="disk"}'] > 200, 60)

        asyncio.run(asked())
        kept.enter_context(broker(folder, port, controller))
        facts = read_when(kafka, registry_url, clients.whole)
        found = router.metrics()
        assert found['penstock_router_facts_total{outcome="dropped"}'] == 0
        assert found["penstock_router_requests_unrecorded_total"] == 0
    upstream.stop()
    assert len(facts.finished) >= len(clients.whole) > 80
