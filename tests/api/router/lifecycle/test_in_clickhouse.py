"""What routers tell, as ClickHouse has it: nothing is lost over a kill, and policies can be compared."""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from schemas.settings import ClickHouseSettings, KafkaSettings, RegistrySettings, Settings, SinkSettings
from tests.api.router import behaviours as does
from tests.api.router.lifecycle.load import CHAT, Clients, asking
from tests.api.router.lifecycle.process import RouterProcess, router_process
from tests.api.router.standin import Behaviour, Loop, Standin, good
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


@pytest.fixture
def cold(loop: Loop) -> Iterator[Standin]:
    for made in standin(loop, "ollama", big=good, small=good):
        made.loaded = {"small"}
        yield made


def standin(loop: Loop, kind: str = "vllm", **models: Behaviour) -> Iterator[Standin]:
    made = Standin(loop, kind, models or {"m": good, "held": does.falls_silent})
    made.start()
    yield made
    made.stop()


def conserved(world: World) -> dict[str, int]:
    (row,) = world.rows(f"SELECT {SUMS} FROM request_conservation")
    return {name: int(value) for name, value in row.items()}


def balanced(sums: dict[str, int]) -> bool:
    """The sink puts facts of different kinds into different tables: for a moment one can be ahead."""
    return sums["received"] == sums["finished"] + sums["open"]


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
                await world.eventually(lambda: balanced(conserved(world)), "received = finished + open")
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
    tmp_path: Path, world: World, upstream: Standin, other: Standin, cold: Standin
) -> None:
    asyncio.run(world.make_topics())
    world.start_sink()
    three = (("a", upstream), ("b", other), ("c", cold))
    listed = json.dumps([{"url": one.url, "kind": one.kind, "name": name} for name, one in three])
    policies = json.dumps([{"name": "thrifty", "goal": "efficiency", "explore": 1.0}])
    clients = Clients()
    with router_process(
        tmp_path, free_port(), upstream.url, world.settings.kafka, world.settings.registry.url,
        upstreams=listed, policies=policies, shadow_policy="thrifty",
        interchangeable=json.dumps([["big", "small"]]),
    ) as router:  # fmt: skip

        async def asked() -> None:
            async with asking(router.url, clients, count=2):
                await world.eventually(lambda: len(clients.whole) >= 30, "answers")

        asyncio.run(asked())
        body = {"model": "big", "messages": [{"role": "user", "content": "hello"}]}
        instead = httpx.post(
            f"{router.url}{CHAT}",
            json=body,
            headers={"x-penstock-resident-fallback": "true"},
            trust_env=False,
        )
        assert instead.json()["model"] == "small"
    asyncio.run(world.eventually(lambda: conserved(world)["finished"] >= 31, "ends"))
    asyncio.run(world.until_committed("requests"))
    choices = world.value("SELECT count() FROM requests_routed FINAL")
    where = world.rows(
        "SELECT model, any(served_model) AS served, any(fallback) AS why, min(places) AS places"
        " FROM requests_routed FINAL GROUP BY model ORDER BY model"
    )
    assert [(row["model"], row["served"], row["why"], int(row["places"])) for row in where] == [
        ("big", "small", "resident", 1), ("m", "m", "", 2),
    ]  # fmt: skip
    alike, apart = (world.rows(query) for query in queries())
    (row,) = alike
    assert (row["policy"], row["shadow_policy"], int(row["choices"])) == ("default", "thrifty", choices)
    assert 0 < row["agree"] < 1
    assert row["total_p50_s"] > 0
    assert sum(int(one["choices"]) for one in apart) == round(choices * (1 - row["agree"]))
    assert {(one["chosen"], one["instead"]) for one in apart} == {("a", "b"), ("b", "a")}
    assert all(one["estimate_s"] > 0 and one["other_estimate_s"] > 0 for one in apart)
