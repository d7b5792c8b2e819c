"""What was so at a moment: on real tables, through the application."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from schemas.settings import ClickHouseSettings, Settings
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store as Writable
from tests.api.running import settings, within

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

# Rows are kept for a month.
DAY = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"


@pytest.fixture(scope="module")
def wanted(clickhouse_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    name = f"as_of_api_{uuid4().hex[:12]}"
    made = settings(
        tmp_path_factory.mktemp("as_of"), clickhouse=ClickHouseSettings(url=clickhouse_url, database=name)
    )

    async def migrated() -> None:
        store = Writable(made)
        try:
            await migrate(store, made.clickhouse)
        finally:
            await store.close()

    asyncio.run(migrated())
    for table, row in ROWS:
        put(made, table, row)
    yield made
    httpx.post(clickhouse_url, content=f"DROP DATABASE {name} SYNC", trust_env=False).raise_for_status()


def put(at: Settings, table: str, row: dict[str, Any]) -> None:
    parameters = {"database": at.clickhouse.database, "query": f"INSERT INTO {table} FORMAT JSONEachRow"}
    answer = httpx.post(at.clickhouse.url, params=parameters, content=json.dumps(row), trust_env=False)
    assert answer.status_code == 200, answer.text


def state(node: str, at: str, arrived: str, what: str, fleet: str = "f") -> tuple[str, dict[str, Any]]:
    times = {"occurred_at": f"{DAY} {at}", "arrived_at": f"{DAY} {arrived}"}
    return "node_states", {"node_id": node, "fleet": fleet, "inference_state": what, "power_w": 70, **times}


FOUND = {
    "fleet": "f",
    "node_id": "a",
    "onset_at": f"{DAY} 03:10:00",
    "occurred_at": f"{DAY} 03:15:00",
    "arrived_at": f"{DAY} 03:15:01",
    "kind": "opened",
    "severity": "warning",
    "evidence": [
        {"name": "t", "subject": "GPU-1", "unit": "C", "comparison": ">=", "value": 90, "threshold": 80}
    ],
}
ROWS = [
    state("a", "03:11:00", "03:11:01", "idle"),
    state("a", "03:11:59", "04:00:00", "live"),
    state("b", "03:11:59", "03:11:59", "busy", "g"),
    ("observation_events", {"observation_id": "o", "pattern": "thermal_drain", **FOUND}),
    ("alert_events", {"alert_id": "x", "alert": "oom", "members": ["a", "c"], **FOUND, "node_id": ""}),
]


@pytest_asyncio.fixture
async def api(wanted: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with within(wanted) as (client, _):
        yield client


async def ask(api: httpx.AsyncClient, **parameters: str) -> dict[str, Any]:
    answer = await api.get("/api/v1/as-of", params=parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_as_known_then_leaves_out_what_came_later(api: httpx.AsyncClient) -> None:
    found = await ask(api, t=f"{DAY}T03:12:00Z", known_at="then")
    assert (found["t"], found["known_at"]) == (f"{DAY}T03:12:00.000000Z", f"{DAY}T03:12:00.000000Z")
    assert [(one["node_id"], one["inference_state"], one["silent_s"]) for one in found["nodes"]] == [
        ("a", "idle", 60),
        ("b", "busy", 1),
    ]
    assert found["observations"] == found["alerts"] == []


async def test_as_known_now_has_it(api: httpx.AsyncClient) -> None:
    found = await ask(api, t=f"{DAY}T03:12:00Z")
    first = found["nodes"][0]
    assert (first["inference_state"], first["state_at"]) == ("live", f"{DAY}T03:11:59.000000Z")
    assert first["stopped_at"] is None
    (observed,) = found["observations"]
    assert (observed["id"], observed["told"], observed["duration_s"]) == ("o", False, 120)
    assert observed["evidence"][0]["threshold"] == 80
    assert found["alerts"][0]["members"] == ["a", "c"]


async def test_one_node_or_fleet(api: httpx.AsyncClient) -> None:
    found = await ask(api, t=f"{DAY}T03:12:00Z", node="c")
    assert (found["nodes"], found["observations"], len(found["alerts"])) == ([], [], 1)
    found = await ask(api, t=f"{DAY}T03:12:00Z", fleet="g")
    assert [one["node_id"] for one in found["nodes"]] == ["b"]
    assert found["observations"] == found["alerts"] == []
    assert (await ask(api, t=f"{DAY}T03:12:00Z", node="x' OR 1 --"))["nodes"] == []


async def test_of_a_time_that_is_not_stored_it_says_since_when_there_is(api: httpx.AsyncClient) -> None:
    found = await ask(api, t="2020-01-01T00:00:00Z")
    assert (found["nodes"], found["stored_since"]) == ([], f"{DAY}T03:11:00.000000Z")


async def test_a_time_that_is_none_or_to_come_is_refused(api: httpx.AsyncClient) -> None:
    for parameters in ({"t": "tomorrow"}, {"t": "2190-01-01T00:00:00Z"}, {"t": "now", "known_at": "x"}):
        answer = await api.get("/api/v1/as-of", params=parameters)
        assert answer.status_code == 400, answer.text
    assert (
        "to come" in (await api.get("/api/v1/as-of", params={"t": "2190-01-01T00:00:00Z"})).json()["detail"]
    )
    assert (await api.get("/api/v1/as-of")).status_code in (400, 422)
