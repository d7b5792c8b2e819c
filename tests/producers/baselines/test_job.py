"""The job between a real store and a real broker: which panes count, and what is told of them."""

import asyncio
import contextlib
import math
import time
from collections.abc import Iterable

import pytest

from producers.baselines.job import Baselines, due, serve
from producers.connector import quiet_client
from schemas.errors import UnavailableError
from schemas.events.wes_baseline import WesBaseline
from schemas.settings import ClickHouseSettings, KafkaSettings, RegistrySettings, Settings
from schemas.topics import SUMMARIES
from sinks.clickhouse import store as sink_store
from sinks.clickhouse.migrate import migrate
from tests.fixtures.ports import free_port
from tests.producers.reading import read_until
from tests.producers.registry_server import RegistryServer, until
from tests.producers.registry_server import serve as serve_registry

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

HOUR = 3600
AT = 1_800_000_000 // HOUR * HOUR
quiet_client("info")


@pytest.fixture
def settings(
    kafka_settings: KafkaSettings, clickhouse_url: str, clickhouse_database: str, registry_url: str
) -> Settings:
    return Settings(
        kafka=kafka_settings,
        registry=RegistrySettings(url=registry_url),
        clickhouse=ClickHouseSettings(url=clickhouse_url, database=clickhouse_database),
    )


class Panes:
    """Puts panes of ten seconds where the sink would."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = sink_store.Store(settings)

    async def __aenter__(self) -> "Panes":
        await migrate(self._store, self._settings.clickhouse)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._store.close()

    async def put(
        self,
        ended_s: float,
        wes: float,
        *,
        node_id: str = "node-1",
        live: float = 10,
        running: Iterable[float | None] = (1.0,),
        models: Iterable[tuple[str, float | None]] = (("m", 100.0),),
    ) -> None:
        """Put one pane that ended then, with a runtime for each of ``running``."""
        ends = f"toDateTime64({ended_s}, 6, 'UTC')"
        pane = f"'f', '{node_id}', {ends}, {ends} - INTERVAL 10 SECOND, now()"
        columns = "fleet, node_id, occurred_at, started_at, arrived_at"
        await self._insert(
            "node_panes", f"{columns}, samples, inference_live, wes",
            [f"({pane}, 10, {live}, (10, {wes}, 0, {wes}, {wes}, {wes}, {wes}))"],
        )  # fmt: skip
        await self._insert(
            "runtime_panes", f"{columns}, runtime_id, requests_running",
            [f"({pane}, 'r{number}', ({_statistic(mean)}))" for number, mean in enumerate(running)],
        )  # fmt: skip
        await self._insert(
            "model_panes", f"{columns}, name, generation_tokens",
            [f"({pane}, '{name}', {'NULL' if tokens is None else tokens})" for name, tokens in models],
        )  # fmt: skip

    async def _insert(self, table: str, columns: str, rows: list[str]) -> None:
        if rows:
            database = self._settings.clickhouse.database
            await self._store.command(f"INSERT INTO {database}.{table} ({columns}) VALUES {', '.join(rows)}")


def _statistic(mean: float | None) -> str:
    return "0" + ", NULL" * 6 if mean is None else f"10, {mean}, 0, {mean}, {mean}, {mean}, {mean}"


async def told(settings: Settings, count: int) -> list[WesBaseline]:
    found = await read_until(settings.kafka, settings.registry, SUMMARIES, lambda all_: len(all_) >= count)
    return [event for event in found if isinstance(event, WesBaseline)]


async def test_the_last_day_stands_beside_the_week_before(settings: Settings) -> None:
    async with Panes(settings) as panes, Baselines(settings) as job:
        for ended_s, wes in [
            (AT + 10, 99.0),  # after the hour
            (AT, 2.0),
            (AT - 10, 4.0),
            (AT - 24 * HOUR, 5.0),  # the day before begins here
            (AT - 7 * 24 * HOUR + 10, 7.0),
            (AT - 7 * 24 * HOUR, 99.0),  # a week ago: no more
        ]:
            await panes.put(ended_s, wes)
        assert await job.tell(AT) == 1
        (fact,) = await told(settings, 1)
    assert fact[1:] == ("f", "node-1", "m", "1", AT * 1_000_000, 2.0, 3.0, 2.0, 6.0)


async def test_only_panes_that_were_serving_one_model_count(settings: Settings) -> None:
    async with Panes(settings) as panes, Baselines(settings) as job:
        await panes.put(AT, 1.0)
        await panes.put(AT - 10, 99.0, live=8)
        await panes.put(AT - 20, 3.0, live=9)
        await panes.put(AT - 30, 99.0, models=())
        await panes.put(AT - 40, 99.0, models=(("m", 80.0), ("n", 20.0)))
        await panes.put(AT - 50, 5.0, models=(("m", 90.0), ("n", 10.0)))
        await panes.put(AT - 60, 99.0, models=(("m", None), ("n", None)))
        await panes.put(AT - 70, 7.0, models=(("m", None),))
        await job.tell(AT)
        (fact,) = await told(settings, 1)
    assert (fact.model, fact.day_panes, fact.day_wes) == ("m", 4.0, 4.0)
    assert (fact.week_panes, math.isnan(fact.week_wes)) == (0.0, True)


async def test_nodes_models_and_loads_are_kept_apart(settings: Settings) -> None:
    async with Panes(settings) as panes, Baselines(settings) as job:
        await panes.put(AT, 1.0, running=(1.0, 2.6))
        await panes.put(AT - 10, 2.0, running=(None,))
        await panes.put(AT - 20, 3.0, running=())
        await panes.put(AT - 30, 4.0, running=(7.5, None))
        await panes.put(AT, 5.0, models=(("n", 1.0),), node_id="node-2")
        assert await job.tell(AT) == 4
        facts = await told(settings, 4)
    assert {(fact.node_id, fact.model, fact.load): (fact.day_panes, fact.day_wes) for fact in facts} == {
        ("node-1", "m", "4"): (1.0, 1.0),
        ("node-1", "m", ""): (2.0, 2.5),
        ("node-1", "m", "8"): (1.0, 4.0),
        ("node-2", "n", "1"): (1.0, 5.0),
    }


async def test_an_hour_told_again_is_the_same_facts(settings: Settings) -> None:
    async with Panes(settings) as panes, Baselines(settings) as job:
        await panes.put(AT, 1.0)
        await panes.put(AT - 30 * HOUR, 2.0)
        await job.tell(AT)
        await job.tell(AT)
        first, second = await told(settings, 2)
    assert first == second


async def test_a_store_without_tables_may_have_them_later(settings: Settings) -> None:
    async with Baselines(settings) as job:
        with pytest.raises(UnavailableError, match=r"clickhouse\.url"):
            await job.tell(AT)


async def test_what_is_away_is_waited_for(settings: Settings) -> None:
    port = free_port()
    registry = RegistrySettings(url=f"http://127.0.0.1:{port}")
    settings = settings.model_copy(update={"registry": registry})
    server = RegistryServer(away=True)
    runner = await serve_registry(server.app(), port)
    task = None
    try:
        async with Panes(settings) as panes:
            await panes.put(due(time.time(), HOUR) - HOUR, 1.0)
        task = asyncio.create_task(serve(settings))
        await until(lambda: server.asked > 1)
        server.away = False
        (fact,) = await told(settings, 1)
    finally:
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await runner.cleanup()
    assert fact.node_id == "node-1"
