"""What routers tell, as ClickHouse has it: nothing is lost over a kill, and policies can be compared."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from schemas.settings import ClickHouseSettings, KafkaSettings, RegistrySettings, Settings, SinkSettings
from tests.api.router import behaviours as does
from tests.api.router.lifecycle.load import Clients, asking
from tests.api.router.lifecycle.process import RouterProcess, router_process
from tests.api.router.standin import Loop, Standin, good
from tests.fixtures.ports import free_port
from tests.sinks.clickhouse.world import World

pytestmark = pytest.mark.integration

ROUTING = Path(__file__).resolve().parents[4] / "docs" / "routing.md"
SUMS = "sum(received) AS received, sum(finished) AS finished, sum(open) AS open, min(holds) AS holds"


@pytest.fixture
def world(
    kafka_settings: KafkaSettings, clickhouse_url: str, clickhouse_database: str, registry_url: str
) -> Iterator[World]:
    made = World(
        Settings(
            kafka=kafka_settings,
            registry=RegistrySettings(url=registry_url),
            clickhouse=ClickHouseSettings(url=clickhouse_url, database=clickhouse_database),
            sink=SinkSettings(batch_age_s=0.1, metrics_port=free_port()),
        )
    )
    yield made
    made.close()


@pytest.fixture
def upstream(loop: Loop) -> Iterator[Standin]:
    yield from standin(loop)


@pytest.fixture
def other(loop: Loop) -> Iterator[Standin]:
    yield from standin(loop)


def standin(loop: Loop) -> Iterator[Standin]:
    made = Standin(loop, "vllm", {"m": good, "held": does.falls_silent})
    made.start()
    yield made
    made.stop()


def conserved(world: World) -> dict[str, int]:
    (row,) = world.rows(f"SELECT {SUMS} FROM request_conservation")
    return {name: int(value) for name, value in row.items()}


def test_conservation_holds_in_clickhouse_behind_a_router_that_was_killed(
    tmp_path: Path, world: World, upstream: Standin
) -> None:
    asyncio.run(world.make_topics())
    world.start_sink()
    kafka, registry = world.settings.kafka, world.settings.registry.url
    clients, later = Clients(), Clients()
    port = free_port()
    with ExitStack() as running:

        def start() -> RouterProcess:
            return running.enter_context(router_process(tmp_path, port, upstream.url, kafka, registry))

        async def killed(router: RouterProcess) -> None:
            async with (
                asking(router.url, clients, count=4),
                asking(router.url, clients, count=3, model="held"),
            ):
                await world.eventually(lambda: conserved(world)["open"] >= 3, "open requests in ClickHouse")
                await world.eventually(lambda: conserved(world)["finished"] > 20, "finished ones")
                found = conserved(world)
                assert found["received"] == found["finished"] + found["open"]
                await asyncio.to_thread(router.kill)

        async def asked(router: RouterProcess) -> None:
            async with asking(router.url, later, count=2):
                await world.eventually(lambda: len(later.whole) >= 5, "answers after the kill")

        asyncio.run(killed(start()))
        again = start()
        asyncio.run(asked(again))
        assert again.metrics()["penstock_router_requests_unbalanced"] == 0
        running.close()
    asyncio.run(world.eventually(lambda: conserved(world)["open"] == 0, "an end for each request"))
    asyncio.run(world.until_committed("requests"))
    found = conserved(world)
    assert (found["received"], found["open"], found["holds"]) == (found["finished"], 0, 1)
    stopped = world.value("SELECT count() FROM requests WHERE outcome = 'router_stopped' AND model = 'held'")
    assert stopped == 3
    assert found["received"] >= len(later.whole) + 20


def queries() -> list[str]:
    """Return what docs/routing.md asks."""
    return re.findall(r"```sql\n(.*?)```", ROUTING.read_text("utf-8"), re.DOTALL)


def test_what_a_second_policy_would_have_chosen_is_compared_by_the_queries_of_the_document(
    tmp_path: Path, world: World, upstream: Standin, other: Standin
) -> None:
    asyncio.run(world.make_topics())
    world.start_sink()
    both = json.dumps([
        {"url": upstream.url, "kind": "vllm", "name": "a"}, {"url": other.url, "kind": "vllm", "name": "b"},
    ])  # fmt: skip
    policies = json.dumps([{"name": "thrifty", "goal": "efficiency", "explore": 1.0}])
    clients = Clients()
    with router_process(
        tmp_path, free_port(), upstream.url, world.settings.kafka, world.settings.registry.url,
        upstreams=both, policies=policies, shadow_policy="thrifty",
    ) as router:  # fmt: skip

        async def asked() -> None:
            async with asking(router.url, clients, count=2):
                await world.eventually(lambda: len(clients.whole) >= 30, "answers")

        asyncio.run(asked())
    asyncio.run(world.eventually(lambda: conserved(world)["finished"] >= 30, "ends"))
    asyncio.run(world.until_committed("requests"))
    choices = world.value("SELECT count() FROM requests_routed FINAL")
    assert world.value("SELECT min(places) FROM requests_routed FINAL") == 2
    alike, apart = (world.rows(query) for query in queries())
    (row,) = alike
    assert (row["policy"], row["shadow_policy"], int(row["choices"])) == ("default", "thrifty", choices)
    assert 0 < row["agree"] < 1
    assert row["total_p50_s"] > 0
    assert sum(int(one["choices"]) for one in apart) == round(choices * (1 - row["agree"]))
    assert {(one["chosen"], one["instead"]) for one in apart} == {("a", "b"), ("b", "a")}
    assert all(one["estimate_s"] > 0 and one["other_estimate_s"] > 0 for one in apart)
