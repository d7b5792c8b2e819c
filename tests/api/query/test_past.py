"""Observations and alerts of the past, from the real tables."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from api.parts import Parts
from api.query import past
from api.query.finding import ALERT, OBSERVATION, Finding, change_of, id_of, kind_of
from api.query.listing import Cursor, Filter
from api.query.plain import rfc3339, times_of
from api.store import Store
from schemas.errors import UnavailableError
from schemas.events.observation import Evidence
from schemas.settings import ClickHouseSettings, Settings
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store as Writable
from tests.api.findings import SECOND, alert, alert_resolved, alert_updated, observation, resolved, updated
from tests.api.running import settings, within
from tests.api.states import T0

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

RESOLVED = Filter({"resolved"})


@pytest.fixture(scope="module")
def wanted(clickhouse_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A database with every table of ours, made once: it takes seconds."""
    name = f"past_{uuid4().hex[:12]}"
    made = settings(
        tmp_path_factory.mktemp("past"), clickhouse=ClickHouseSettings(url=clickhouse_url, database=name)
    )
    asyncio.run(_migrated(made))
    yield made
    httpx.post(clickhouse_url, content=f"DROP DATABASE {name} SYNC", trust_env=False).raise_for_status()


async def _migrated(at: Settings) -> None:
    store = Writable(at)
    try:
        await migrate(store, at.clickhouse)
    finally:
        await store.close()


@pytest.fixture(autouse=True)
def emptied(wanted: Settings) -> None:
    for table in ("observation_events", "observations_latest", "alert_events", "alerts_latest"):
        _post(wanted, f"TRUNCATE TABLE {table}", b"")


@pytest_asyncio.fixture
async def store(wanted: Settings) -> AsyncIterator[Store]:
    found = Store(wanted.clickhouse)
    yield found
    await found.close()


@pytest_asyncio.fixture
async def api(wanted: Settings) -> AsyncIterator[tuple[httpx.AsyncClient, Parts]]:
    async with within(wanted) as (client, app):
        app.state.parts.live.tail.has_caught_up = True
        yield client, app.state.parts


def stored(at: Settings, *events: Finding) -> None:
    """Put events where the sink puts them."""
    for event in events:
        times = times_of(type(event))
        row: dict[str, Any] = {
            name: rfc3339(value) if name in times else value for name, value in event._asdict().items()
        }
        for name in ("evidence", "peak_evidence"):
            row[name] = [_evidence(one) for one in row.get(name, ())]
        row |= {"kind": change_of(event), "arrived_at": rfc3339(event.occurred_at)}
        _post(at, f"INSERT INTO {kind_of(event).name}_events FORMAT JSONEachRow", json.dumps(row).encode())


def _evidence(one: Evidence) -> dict[str, Any]:
    pairs = one._asdict().items()
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in pairs}


def _post(at: Settings, query: str, body: bytes) -> None:
    parameters = {
        "database": at.clickhouse.database,
        "query": query,
        "date_time_input_format": "best_effort",
        "input_format_skip_unknown_fields": "1",
    }
    answer = httpx.post(at.clickhouse.url, params=parameters, content=body, timeout=60, trust_env=False)
    assert answer.status_code == 200, answer.text


async def test_events_come_back_as_they_were(store: Store, wanted: Settings) -> None:
    opened = observation()
    worse = updated(opened, severity="critical", acknowledged_by="anna", acknowledged_until=T0 + 77)
    over = resolved(worse)
    stored(wanted, opened, worse, over)
    found = {event.revision: event for event in await past.events(store, OBSERVATION, id_of(opened))}
    assert [repr(found[revision]) for revision in (0, 1, 2)] == [repr(each) for each in (opened, worse, over)]
    several = alert(members=("a", "b'c"), observations=("o",))
    stored(wanted, several)
    assert [repr(each) for each in await past.events(store, ALERT, id_of(several))] == [repr(several)]
    assert await past.events(store, ALERT, "') OR 1 --") == []
    assert await past.events(store, ALERT, "x" * 5000) == []


async def test_only_what_is_over_in_order(store: Store, wanted: Settings) -> None:
    early, late = observation("early", onset_at=T0), observation("late", onset_at=T0 + SECOND)
    stored(wanted, early, late, observation("open"), resolved(early), resolved(late))
    found = await past.ended(store, OBSERVATION, RESOLVED, None, 10)
    assert [id_of(each) for each in found] == [id_of(late), id_of(early)]
    assert [change_of(each) for each in found] == ["resolved", "resolved"]
    after = Cursor(late.onset_at, id_of(late))
    assert [id_of(each) for each in await past.ended(store, OBSERVATION, RESOLVED, after, 10)] == [
        id_of(early)
    ]
    assert len(await past.ended(store, OBSERVATION, RESOLVED, None, 1)) == 1


@pytest.mark.parametrize(
    ("wanted_of", "count"),
    [
        (Filter({"resolved"}, node_id="n1", fleet="f1", what="thermal_drain", severities={"warning"}), 1),
        (Filter({"resolved"}, node_id="n2"), 0),
        (Filter({"resolved"}, fleet="f2"), 0),
        (Filter({"resolved"}, what="oom"), 0),
        (Filter({"resolved"}, severities={"info", "critical"}), 0),
        (Filter({"resolved"}, first=T0 + 70 * SECOND), 1),
        (Filter({"resolved"}, first=T0 + 70 * SECOND + 1), 0),
        (Filter({"resolved"}, last=T0 + 1), 1),
        (Filter({"resolved"}, last=T0), 0),
    ],
)
async def test_the_store_filters_as_the_memory_does(
    store: Store, wanted: Settings, wanted_of: Filter, count: int
) -> None:
    over = resolved(observation())
    stored(wanted, observation(), over)
    assert len(await past.ended(store, OBSERVATION, wanted_of, None, 10)) == count
    assert wanted_of.lets(over, T0) is bool(count)


async def test_alerts_by_member(store: Store, wanted: Settings) -> None:
    several = alert(node_id="", members=("a", "b"))
    stored(wanted, several, alert_resolved(several))
    for node, count in (("b", 1), ("c", 0)):
        assert len(await past.ended(store, ALERT, Filter({"resolved"}, node_id=node), None, 9)) == count


async def test_a_list_of_all_is_of_memory_and_store(
    api: tuple[httpx.AsyncClient, Parts], wanted: Settings
) -> None:
    client, at = api
    names = ("old", "new", "now")
    old, new, now_over = (observation(name, onset_at=T0 + order) for order, name in enumerate(names))
    stored(wanted, old, resolved(old), new, now_over)
    at.observations.apply(new)
    at.observations.apply(now_over)
    at.observations.apply(resolved(now_over))
    found: list[tuple[str, str]] = []
    cursor: str | None = ""
    while cursor is not None:
        asked = {"state": "all", "limit": "1"} | ({"cursor": cursor} if cursor else {})
        body = (await client.get("/api/v1/observations", params=asked)).json()
        found += [(one["id"], one["state"]) for one in body["observations"]]
        cursor = body["next"]
    assert found == [(id_of(now_over), "resolved"), (id_of(new), "open"), (id_of(old), "resolved")]


async def test_one_that_ended_long_ago(api: tuple[httpx.AsyncClient, Parts], wanted: Settings) -> None:
    client, _ = api
    opened = alert()
    more = alert_updated(opened, members=("n1", "n2"))
    over = alert_resolved(more)
    stored(wanted, opened, more, over)
    body = (await client.get(f"/api/v1/alerts/{id_of(opened)}")).json()
    assert (body["state"], body["ended_at"]) == ("resolved", rfc3339(over.occurred_at))
    assert [(event["change"], len(event["members"])) for event in body["history"]] == [
        ("opened", 1),
        ("updated", 2),
        ("resolved", 2),
    ]
    assert body["history_complete"] is True
    late = await client.post(f"/api/v1/alerts/{id_of(opened)}/acknowledge", json={})
    assert late.status_code == 409
    assert late.json()["ended_at"] == rfc3339(over.occurred_at)


async def test_what_nobody_knows(api: tuple[httpx.AsyncClient, Parts]) -> None:
    client, _ = api
    for answer in (
        await client.get("/api/v1/observations/unknown"),
        await client.post("/api/v1/observations/unknown/resolve", json={}),
    ):
        assert answer.status_code == 404
        assert answer.json()["type"].endswith(":unknown-observation")
        assert "state=all" in answer.json()["hint"]


async def test_a_store_without_tables_says_who_makes_them(clickhouse_url: str, tmp_path: Path) -> None:
    for database in ("default", "never_made"):
        bare = Store(ClickHouseSettings(url=clickhouse_url, database=database))
        with pytest.raises(UnavailableError, match="the sink makes it"):
            await past.ended(bare, OBSERVATION, RESOLVED, None, 1)
        await bare.close()
