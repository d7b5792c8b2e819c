"""The guard on the real engine: attacks do no harm, analysts are not in the way."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson
import pytest
import pytest_asyncio

from api.sql import aggregates, functions
from api.sql.formats import by_name
from api.sql.run import Question, SqlService
from api.sql.verdict import QueryRefusedError
from api.store import Store, StoreError
from schemas.settings import ApiSettings, ClickHouseSettings
from tests.api.sql.analyst import queries
from tests.api.sql.attacks import FAMILIES, attacks

pytestmark = pytest.mark.integration

DATABASE = "penstock_guard"
OTHER = "penstock_guard_other"
CANARY = "canary-7f3a"
MAX_ROWS = 1000
LIMITS = ApiSettings(sql_max_seconds=1.5, sql_max_memory_bytes=256 << 20)
TABLE = f"""
CREATE TABLE {DATABASE}.samples (
    node_id String, at DateTime('UTC'), gpu UInt8, power_w Float64,
    tags Map(String, String), temps Array(Float64), j String
) ENGINE = ReplacingMergeTree ORDER BY (node_id, at, intHash32(gpu)) SAMPLE BY intHash32(gpu)
"""
ROWS = f"""
INSERT INTO {DATABASE}.samples SELECT 'n' || toString(number % 3), toDateTime('2026-01-01 00:00:00') + number,
    number % 2, 50 + number * 10, map('rack', 'r1'), [40., 50.], '{{"model":"m","tokens":5}}' FROM numbers(12)
"""

VIEW = f"""
CREATE VIEW {DATABASE}.node_state_as_of AS
SELECT * FROM {DATABASE}.samples WHERE at <= {{t:DateTime64(6, 'UTC')}}
"""


@dataclass
class World:
    """What an attack could touch."""

    url: str
    secret: Path
    out: Path
    port: int
    calls: list[str]

    def admin(self, sql: str) -> str:
        answer = httpx.post(self.url, content=sql, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.text

    def fill(self, query: str) -> str:
        places = {
            "@SECRET@": str(self.secret),
            "@OUT@": str(self.out),
            "@URL@": f"http://127.0.0.1:{self.port}/x",
            "@PORT@": str(self.port),
            "@OTHER@": OTHER,
            "@DB@": DATABASE,
        }
        for place, value in places.items():
            query = query.replace(place, value)
        return query

    def state(self) -> str:
        return self.admin(
            f"SELECT (SELECT groupBitXor(cityHash64(*)) FROM {DATABASE}.samples),"
            " (SELECT groupArray((database, name)) FROM (SELECT * FROM system.tables"
            f"  WHERE database IN ('{DATABASE}', '{OTHER}', 'default') OR is_temporary ORDER BY ALL)),"
            " (SELECT groupArray(name) FROM system.functions WHERE origin != 'System'),"
            " (SELECT count() FROM system.databases) FORMAT TSV"
        )


@pytest.fixture(scope="module")
def world(clickhouse_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("guard")
    secret, out = folder / "secret.csv", folder / "out"
    secret.write_text(f"{CANARY},1\n")
    out.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        calls: list[str] = []
        threading.Thread(target=_count_calls, args=(server, calls), daemon=True).start()
        world = World(clickhouse_url, secret, out, server.getsockname()[1], calls)
        for database in (DATABASE, OTHER):
            world.admin(f"DROP DATABASE IF EXISTS {database}")
            world.admin(f"CREATE DATABASE {database}")
        world.admin(f"CREATE TABLE {OTHER}.secrets (value String) ENGINE = MergeTree ORDER BY value")
        world.admin(f"INSERT INTO {OTHER}.secrets SELECT '{CANARY}'")
        world.admin(TABLE)
        world.admin(ROWS)
        world.admin(VIEW)
        yield world
        for database in (DATABASE, OTHER):
            world.admin(f"DROP DATABASE {database}")


def _count_calls(server: socket.socket, calls: list[str]) -> None:
    while True:
        try:
            connection, address = server.accept()
        except OSError:
            return
        calls.append(str(address))
        connection.close()


@pytest_asyncio.fixture
async def service(world: World) -> AsyncIterator[SqlService]:
    store = Store(ClickHouseSettings(url=world.url, database=DATABASE))
    service = SqlService(store, LIMITS)
    yield service
    await service.close()
    await store.close()


async def _body(service: SqlService, query: str, format_name: str = "JSON") -> bytes:
    wanted = by_name(format_name)
    assert wanted
    async with service.run(Question(query, wanted, MAX_ROWS)) as answer:
        body = b"".join([chunk async for chunk in answer.chunks])
        assert answer.rows is None or answer.rows <= MAX_ROWS, query
    return body


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.asyncio
async def test_no_attack_does_harm(service: SqlService, world: World, family: str) -> None:
    before = await asyncio.to_thread(world.state)
    succeeded = []
    for query in (world.fill(query) for name, query in attacks() if name == family):
        try:
            body = await _body(service, query)
        except (QueryRefusedError, StoreError) as exc:
            leaked = CANARY in f"{exc}"
        else:
            # JSON rows come one a line or more: whatever the shape, there are no more than asked for.
            leaked = CANARY.encode() in body or orjson.loads(body)["rows"] > MAX_ROWS
        if leaked:
            succeeded.append(query)
    assert not succeeded
    assert list(world.out.iterdir()) == []
    assert world.calls == []
    assert await asyncio.to_thread(world.state) == before


@pytest.mark.asyncio
async def test_every_attack_that_names_harm_is_refused_before_it_runs(
    service: SqlService, world: World
) -> None:
    harmless = {"runs for ever or returns too much", "malformed"}
    passed = []
    for query in (world.fill(query) for family, query in attacks() if family not in harmless):
        try:
            await service.check(query)
        except (QueryRefusedError, StoreError):
            continue
        passed.append(query)
    # The engine itself does not resolve a function's name through an alias.
    assert passed == [f"WITH file AS f SELECT arrayMap(f, ['{world.secret}'])"]


def test_there_are_attacks_enough() -> None:
    assert len(set(attacks())) >= 200
    assert len(set(queries())) >= 60


@pytest.mark.asyncio
async def test_analysts_are_not_in_the_way(service: SqlService, world: World) -> None:
    failed = []
    for query in map(world.fill, queries()):
        try:
            orjson.loads(await _body(service, query))
        except (QueryRefusedError, StoreError) as exc:
            failed.append((query, str(exc)))
    assert not failed


@pytest.mark.asyncio
async def test_every_allowed_function_is_one_of_the_engine(service: SqlService, world: World) -> None:
    rows = await asyncio.to_thread(world.admin, "SELECT lower(name) FROM system.functions FORMAT TSV")
    # The parser makes these; they are no functions.
    syntax = {"lambda", "exists", "grouping", "untuple"}
    assert (functions.ALLOWED | aggregates.ALLOWED) - set(rows.split()) == syntax


@pytest.mark.asyncio
async def test_the_canonical_text_is_what_runs(service: SqlService) -> None:
    assert await service.check("select/* c */1;") == "SELECT 1"
