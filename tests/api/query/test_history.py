"""The past of nodes and accelerators, from the real tables."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from api.query.history import DEFAULTS, Subject, readings, sql
from api.query.plain import rfc3339
from schemas.settings import ClickHouseSettings, Settings
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store
from tests.api.running import settings, within
from tests.api.states import state

T0 = int(time.time()) // 3600 * 3600 - 7200
"""A full hour, not so long ago that the rows would be dropped for their age."""


def test_the_readings_of_panes() -> None:
    assert {"power_w", "wes", "cpu_ratio", "memory_used_bytes", "tokens_per_second"} <= set(readings("node"))
    assert {"utilization_ratio", "temperature_c"} <= set(readings("gpu"))
    for of, names in DEFAULTS.items():
        assert set(names) <= set(readings(of))


@pytest.mark.parametrize(
    ("subject", "resolution_s", "table"),
    [
        (Subject("n"), 10, "node_panes"),
        (Subject("n"), 60, "node_rollup_1m"),
        (Subject("n"), 3600, "node_rollup_1h"),
        (Subject("n", "g"), 10, "gpu_panes"),
        (Subject("n", "g"), 300, "gpu_rollup_1m"),
    ],
)
def test_which_table_is_read(subject: Subject, resolution_s: int, table: str) -> None:
    assert f" FROM {table} AS pane " in sql(subject, ("power_w",), resolution_s)


@pytest.fixture(scope="module")
def wanted(clickhouse_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A database with every table of ours, made once: it takes seconds."""
    name = f"history_{uuid4().hex[:12]}"
    made = settings(
        tmp_path_factory.mktemp("history"), clickhouse=ClickHouseSettings(url=clickhouse_url, database=name)
    )
    asyncio.run(_migrated(made))
    insert(made, "node_panes", "", f"number * 10 + {T0}", "numbers(12)")
    # A gap of two minutes, then one pane without power.
    insert(made, "node_panes", "", f"{T0} + 240", "numbers(1)", n="0", mean="NULL")
    insert(made, "gpu_panes", "'GPU-1'", f"number * 10 + {T0}", "numbers(12)")
    insert(made, "gpu_panes", "'GPU-2'", f"number * 10 + {T0}", "numbers(12)")
    yield made
    httpx.post(clickhouse_url, content=f"DROP DATABASE {name} SYNC", trust_env=False).raise_for_status()


async def _migrated(at: Settings) -> None:
    store = Store(at)
    try:
        await migrate(store, at.clickhouse)
    finally:
        await store.close()


@pytest_asyncio.fixture
async def api(wanted: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with within(wanted) as (client, app):
        app.state.parts.fleet.apply(state("known"), T0 * 1_000_000)
        yield client


def insert(
    at: Settings, table: str, gpu: str, second: str, source: str, n: str = "10.", mean: str = "100. + number"
) -> None:
    gpu_column, gpu_value = (", gpu_id", f", {gpu}") if gpu else ("", ", 6.")
    columns = f"fleet, node_id, started_at, arrived_at, samples, power_w, thermal_normal{gpu_column}" + (
        "" if gpu else ", inference_live"
    )
    statistic = f"({n}, {mean}, 0., {mean} - 5, {mean} + 5, {mean}, {mean})"
    query = (
        f"INSERT INTO {table} ({columns}) SELECT 'f1', 'n1', toDateTime64({second}, 6, 'UTC'),"
        f" toDateTime64({second} + 10, 6, 'UTC'), 10., {statistic}, 10.{gpu_value} FROM {source}"
    )
    answer = httpx.post(at.clickhouse.url, content=query, params={"database": at.clickhouse.database})
    assert answer.status_code == 200, answer.text


async def ask(api: httpx.AsyncClient, node: str = "n1", **more: Any) -> dict[str, Any]:
    answer = await api.get(f"/api/v1/nodes/{node}/history", params={"from": T0, "to": T0 + 300, **more})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.integration
@pytest.mark.asyncio
async def test_panes_as_they_are(api: httpx.AsyncClient) -> None:
    body = await ask(api)
    assert body["resolution_s"] == 10
    assert body["from"] == rfc3339(T0 * 1_000_000)
    points = body["points"]
    assert len(points) == 13
    assert points[1]["at"] == rfc3339((T0 + 10) * 1_000_000)
    assert points[1]["power_w"] == {"n": 10, "mean": 101, "min": 96, "max": 106}
    assert points[1]["inference"]["live"] == 6
    assert points[1]["thermal"]["normal"] == 10
    # What was never read is null, and where nothing was sampled there is no point.
    assert points[1]["wes"] is None
    assert points[12]["power_w"] is None
    assert points[12]["at"] == rfc3339((T0 + 240) * 1_000_000)


@pytest.mark.integration
@pytest.mark.asyncio
@pytest.mark.parametrize(("resolution", "seconds", "count"), [("1m", 60, 3), ("5m", 300, 1), ("1h", 3600, 1)])
async def test_panes_merged(api: httpx.AsyncClient, resolution: str, seconds: int, count: int) -> None:
    body = await ask(api, resolution=resolution)
    assert body["resolution_s"] == seconds
    points = body["points"]
    assert len(points) == count
    whole = sum(point["power_w"]["n"] * point["power_w"]["mean"] for point in points if point["power_w"])
    assert whole == pytest.approx(sum(10 * (100 + number) for number in range(12)))
    assert points[0]["power_w"]["min"] == 95
    assert sum(point["samples"] for point in points) == 130


@pytest.mark.integration
@pytest.mark.asyncio
async def test_one_accelerator_and_chosen_readings(api: httpx.AsyncClient) -> None:
    body = await ask(api, gpu="GPU-1", fields="power_w,temperature_c", resolution="1m")
    assert body["gpu_id"] == "GPU-1"
    assert [point["power_w"]["n"] for point in body["points"]] == [60, 60]
    assert body["points"][0]["temperature_c"] is None
    assert "utilization_ratio" not in body["points"][0]


@pytest.mark.integration
@pytest.mark.asyncio
async def test_a_node_without_a_past_and_one_that_is_not_known(api: httpx.AsyncClient) -> None:
    assert (await ask(api, "known"))["points"] == []
    answer = await api.get("/api/v1/nodes/unknown/history")
    assert answer.status_code == 404
    hostile = await api.get("/api/v1/nodes/x' OR 1=1 --/history")
    assert hostile.status_code == 404
