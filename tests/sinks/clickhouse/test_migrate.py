"""Tables on a real store."""

import asyncio
from collections.abc import Mapping

import pytest

from schemas.errors import ConfigError, UnavailableError
from schemas.settings import Settings
from sinks.clickhouse.migrate import Migration, migrate, migrations
from sinks.clickhouse.patience import Patience
from sinks.clickhouse.store import Store

pytestmark = pytest.mark.integration


def with_store(settings: Settings, **changes: object) -> Settings:
    return settings.model_copy(update={"clickhouse": settings.clickhouse.model_copy(update=changes)})


async def run(settings: Settings, files: list[Migration] | None = None) -> list[int]:
    store = Store(settings)
    try:
        return [each.number for each in await migrate(store, settings.clickhouse, files)]
    finally:
        await store.close()


async def ask(settings: Settings, sql: str) -> Mapping[str, str]:
    store = Store(settings)
    try:
        return {str(name): str(value) for name, value in await store.rows(sql)}
    finally:
        await store.close()


@pytest.mark.asyncio
async def test_two_processes_at_once_and_a_third_later(settings: Settings) -> None:
    # As a sink does it: what the other has aside for a moment is there at the next try.
    patience = Patience("clickhouse")
    first, second = await asyncio.gather(
        patience.until_done(lambda: run(settings)), patience.until_done(lambda: run(settings))
    )
    assert sorted(set(first) | set(second)) == [each.number for each in migrations()]
    assert await run(settings) == []
    database = settings.clickhouse.database
    names = await ask(settings, f"SELECT name, engine FROM system.tables WHERE database = '{database}'")
    assert {"event_log", "node_samples", "nodes", "nodes_1m", "gpus_1h", "schema_migrations"} <= set(names)


@pytest.mark.asyncio
async def test_an_applied_file_that_has_changed_is_an_error(settings: Settings) -> None:
    file = Migration(1, "thing", "CREATE TABLE IF NOT EXISTS $database.thing (a Int8) ENGINE = Null;\n")
    assert await run(settings, [file]) == [1]
    with pytest.raises(ConfigError, match="0001_thing was applied"):
        await run(settings, [Migration(1, "thing", file.text + "-- more\n")])


@pytest.mark.asyncio
async def test_one_that_was_begun_is_applied_again(settings: Settings) -> None:
    text = "CREATE TABLE IF NOT EXISTS $database.thing (a Int8) ENGINE = Null;\nCREATE TABLE IF NOT EXISTS"
    with pytest.raises(UnavailableError):
        await run(settings, [Migration(1, "thing", f"{text} nonsense;\n")])
    assert await run(settings, [Migration(1, "thing", text.split("\n")[0])]) == [1]


@pytest.mark.asyncio
async def test_how_long_rows_are_kept_follows_the_settings(settings: Settings) -> None:
    database = settings.clickhouse.database
    sql = f"SELECT name, create_table_query FROM system.tables WHERE database = '{database}'"
    await run(with_store(settings, samples_ttl_days=30))
    before = await ask(settings, sql)
    await run(with_store(settings, samples_ttl_days=3, event_log_ttl_days=500))
    after = await ask(settings, sql)
    for table in ("node_samples", "gpu_samples", "node_states", "request_candidates", "clock_ticks"):
        assert "toIntervalDay(30)" in before[table], table
        assert "toIntervalDay(3)" in after[table], table
    assert "toIntervalDay(500)" in after["event_log"]
    assert after["node_panes"] == before["node_panes"]


@pytest.mark.asyncio
async def test_describe_says_what_a_column_means(settings: Settings) -> None:
    await run(settings)
    comments = await ask(
        settings,
        f"SELECT name, comment FROM system.columns WHERE database = '{settings.clickhouse.database}'"
        " AND table = 'gpu_samples'",
    )
    assert comments["power_w"] == "watts; NVML power usage is milliwatts"
    assert comments["gpu_id"] == "see node_registered"
    assert comments["offset"] == "Kafka offset of the event"
