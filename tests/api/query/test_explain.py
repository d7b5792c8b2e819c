"""An observation explained through the application, from event_log on the real store."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from api.query.plain import rfc3339, times_of
from infra.cli.main import main
from processors.patterns.rules import Rules
from processors.topology import stages_of
from schemas.events.observation import Observation
from schemas.log_file import LogRecord
from schemas.registry import Registry
from schemas.settings import ClickHouseSettings, RegistrySettings, Settings
from schemas.topics import OBSERVATIONS, PANES, REQUESTS, TELEMETRY, TOPICS
from sinks.clickhouse.event_log import COLUMNS, rows
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store as Writable
from tests.api.running import served, settings, within
from tests.processors.replay.recorded import Live, facts

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

LIVE = Live(stages_of(1.0, Rules()))
FOR_EVER = {"event_log_ttl_days": 9999, "panes_ttl_days": 9999}


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as the sink has it."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes


@pytest.fixture(scope="module")
def log() -> list[LogRecord]:
    return LIVE.run(facts("13m")).log


@pytest.fixture(scope="module")
def wanted(
    clickhouse_url: str, registry_url: str, tmp_path_factory: pytest.TempPathFactory, log: list[LogRecord]
) -> Iterator[Settings]:
    """A store that has the log, and the events of observations in their table."""
    name = f"explain_{uuid4().hex[:12]}"
    made = settings(
        tmp_path_factory.mktemp("explain"),
        clickhouse=ClickHouseSettings(url=clickhouse_url, database=name, **FOR_EVER),
        registry=RegistrySettings(url=registry_url),
    )
    asyncio.run(prepared(made))
    for topic in TOPICS:
        ours = [one for one in log if one.topic == topic.name]
        if ours:
            kept = [_kept(one) for one in ours]
            insert = f"INSERT INTO event_log ({', '.join(COLUMNS)}) FORMAT RowBinary"
            put(made, insert, rows(topic.full_name(made.kafka), kept))
    for one in log:
        event = LIVE.codec.decode(one.value) if one.topic == OBSERVATIONS.name else None
        if isinstance(event, Observation):
            put(made, "INSERT INTO observation_events FORMAT JSONEachRow", row_of(event, one, made))
    yield made
    httpx.post(clickhouse_url, content=f"DROP DATABASE {name} SYNC", trust_env=False).raise_for_status()


async def prepared(at: Settings) -> None:
    store, registry = Writable(at), Registry(at.registry)
    try:
        await migrate(store, at.clickhouse)
        await registry.codec()
    finally:
        await store.close()
        await registry.close()


def put(at: Settings, query: str, body: bytes) -> None:
    parameters = {
        "database": at.clickhouse.database,
        "query": query,
        "date_time_input_format": "best_effort",
        "input_format_skip_unknown_fields": "1",
    }
    answer = httpx.post(at.clickhouse.url, params=parameters, content=body, timeout=60, trust_env=False)
    assert answer.status_code == 200, answer.text


def row_of(event: Observation, record: LogRecord, at: Settings) -> bytes:
    times = times_of(type(event))
    row: dict[str, Any] = {
        name: rfc3339(value) if name in times else value for name, value in event._asdict().items()
    }
    for name in ("evidence", "peak_evidence"):
        row[name] = [
            {key: None if value != value else value for key, value in one._asdict().items()}
            for one in row[name]
        ]
    kind = type(event).__name__.removeprefix("Observation").lower()
    topic = at.kafka.topic_prefix + record.topic
    place = {"topic": topic, "partition": record.partition, "offset": record.offset}
    return json.dumps({**row, **place, "kind": kind, "arrived_at": rfc3339(record.arrived_at)}).encode()


def _kept(one: LogRecord) -> Kept:
    key = None if one.key is None else one.key.encode()
    return Kept(one.partition, one.offset, one.arrived_at // 1000, key, one.value)


@pytest_asyncio.fixture
async def api(wanted: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with within(wanted) as (client, _):
        yield client


def swapped(log: list[LogRecord]) -> list[Observation]:
    events = (LIVE.codec.decode(one.value) for one in log if one.topic == OBSERVATIONS.name)
    return [one for one in events if isinstance(one, Observation) and one.pattern == "swap_io_pressure"]


async def test_it_is_judged_again_from_event_log(api: httpx.AsyncClient, log: list[LogRecord]) -> None:
    opened = swapped(log)[0]
    answer = await api.get(f"/api/v1/observations/{opened.observation_id}/explain")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["agrees"], found["differences"], found["missing"]) == (True, [], [])
    assert (found["what"], found["recorded"]) == ("swap_io_pressure", True)
    assert found["said"][0]["change"] == "opened"
    assert {one["topic"] for one in found["said"]} == {"observations"}
    at_opening = next(one for one in found["points"] if one["at"] == found["opened_at"])
    assert at_opening["holds"] is True
    assert at_opening["evidence"] == found["evidence"]
    assert {one["topic"] for one in found["facts"]} == {PANES.name, TELEMETRY.name, REQUESTS.name}


async def test_an_id_that_nothing_has_is_not_found(api: httpx.AsyncClient) -> None:
    for plural in ("observations", "alerts"):
        answer = await api.get(f"/api/v1/{plural}/5b0a4d86-3c52-5f0e-8f4d-000000000000/explain")
        assert answer.status_code == 404, answer.text
        assert "/api/v1/" in answer.json()["hint"]


async def test_the_command_asks_the_api(
    wanted: Settings, log: list[LogRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    id_ = swapped(log)[0].observation_id
    async with served(wanted) as client:
        url = str(client.base_url)
        status = await asyncio.to_thread(main, ["explain", id_, "--url", url])
        out, err = capsys.readouterr()
        assert (status, err) == (0, "")
        assert "Judged again, it is told exactly as it was." in out
        nothing = "5b0a4d86-3c52-5f0e-8f4d-000000000000"
        assert await asyncio.to_thread(main, ["explain", nothing, "--url", url]) == 1
        assert capsys.readouterr().err.count("no ") == 2


async def test_when_the_bytes_have_expired_what_was_told_is_left(
    api: httpx.AsyncClient, wanted: Settings, log: list[LogRecord]
) -> None:
    put(wanted, "TRUNCATE TABLE event_log", b"")
    found = (await api.get(f"/api/v1/observations/{swapped(log)[0].observation_id}/explain")).json()
    assert (found["agrees"], found["points"]) == (None, [])
    assert len(found["missing"]) == 3
    assert "has none of them" in found["missing"][0]
    assert found["evidence"]
    assert found["said"][-1]["change"] == "resolved"
