"""Ad-hoc SQL over HTTP, on the real engine."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import orjson
import pytest
import pytest_asyncio

from schemas.settings import ApiSettings, ClickHouseSettings, Settings
from tests.api.running import served, settings
from tests.fixtures.ports import free_port

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

MAX_ROWS = 100


@pytest.fixture
def wanted(tmp_path: Path, clickhouse_url: str, clickhouse_database: str) -> Settings:
    return settings(
        tmp_path,
        clickhouse=ClickHouseSettings(url=clickhouse_url, database=clickhouse_database),
        api=ApiSettings(
            port=free_port(), sql_max_rows=MAX_ROWS, sql_max_seconds=20, sql_max_memory_bytes=300 << 20
        ),
    )


@pytest_asyncio.fixture
async def api(wanted: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with served(wanted) as client:
        yield client


async def ask(api: httpx.AsyncClient, query: str, **more: object) -> httpx.Response:
    return await api.post("/api/v1/sql", json={"query": query, **more})


async def test_json_is_the_default_and_says_that_it_is_whole(api: httpx.AsyncClient) -> None:
    answer = await ask(api, "SELECT number AS n, toString(number) AS s FROM numbers(3)")
    assert answer.status_code == 200
    body = answer.json()
    assert body["data"] == [{"n": n, "s": str(n)} for n in range(3)]
    assert [column["name"] for column in body["meta"]] == ["n", "s"]
    assert (body["rows"], body["truncated"]) == (3, False)
    assert answer.headers["x-penstock-truncated"] == "false"
    assert answer.headers["x-penstock-rows"] == "3"
    assert answer.headers["x-penstock-row-limit"] == str(MAX_ROWS)


@pytest.mark.parametrize("rows", [MAX_ROWS - 1, MAX_ROWS, MAX_ROWS + 1, 10**12])
async def test_truncation_is_exact_and_said(api: httpx.AsyncClient, rows: int) -> None:
    answer = await ask(api, f"SELECT number FROM numbers({rows})")
    body = answer.json()
    assert len(body["data"]) == min(rows, MAX_ROWS)
    assert body["truncated"] is (rows > MAX_ROWS)
    assert answer.headers["x-penstock-truncated"] == ("true" if rows > MAX_ROWS else "false")


async def test_fewer_rows_may_be_asked_for_and_not_more(api: httpx.AsyncClient) -> None:
    few = await ask(api, "SELECT number FROM numbers(10)", max_rows=4)
    assert (few.json()["rows"], few.json()["truncated"]) == (4, True)
    many = await ask(api, "SELECT number FROM numbers(1000)", max_rows=500)
    assert many.json()["rows"] == MAX_ROWS


async def test_every_format(api: httpx.AsyncClient) -> None:
    query = "SELECT number AS n, 'a\"\n,b' AS s FROM numbers(1000)"
    found = {}
    for name in ("CSV", "tsv", "JSONEachRow", "JSONCompact", "Pretty", "Parquet", "Arrow", "ArrowStream"):
        answer = await ask(api, query, format=name)
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-penstock-truncated"] == "true"
        found[name] = answer
    rows = list(csv.reader(io.StringIO(found["CSV"].text)))
    assert rows[0] == ["n", "s"]
    assert len(rows) == MAX_ROWS + 1
    assert rows[1] == ["0", 'a"\n,b']
    assert found["tsv"].text.startswith("n\ts\n0\ta")
    assert len([orjson.loads(line) for line in found["JSONEachRow"].text.splitlines()]) == MAX_ROWS
    assert found["JSONCompact"].json()["data"][0] == [0, 'a"\n,b']
    assert found["Parquet"].content[:4] == found["Parquet"].content[-4:] == b"PAR1"
    assert found["Arrow"].content[:6] == b"ARROW1"
    assert found["ArrowStream"].headers["content-disposition"].endswith('"result.arrowstream"')
    assert found["CSV"].headers["content-type"].startswith("text/csv")


async def test_the_format_may_come_from_the_accept_header(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/v1/sql", json={"query": "SELECT 1 AS a"}, headers={"Accept": "text/csv"})
    assert answer.text == '"a"\n1\n'
    unknown = await ask(api, "SELECT 1", format="Template")
    assert unknown.status_code == 400
    assert "Parquet" in unknown.json()["hint"]


async def test_a_link_and_parameters(api: httpx.AsyncClient) -> None:
    text = "it's \\ a\ttab\nand line"
    link = await api.get(
        "/api/v1/sql",
        params={"query": "SELECT {x:String} AS x, {n:UInt8} AS n", "param_x": text, "param_n": "7"},
    )
    assert link.json()["data"] == [{"x": text, "n": 7}]
    posted = await ask(
        api,
        "SELECT {l:Array(String)} AS l, {o:Nullable(Int8)} AS o",
        parameters={"l": ["a'b", "c"], "o": None},
    )
    assert posted.status_code == 200, posted.text
    assert posted.json()["data"] == [{"l": ["a'b", "c"], "o": None}]
    name = await ask(api, "SELECT * FROM {t:Identifier}", parameters={"t": "system.one"})
    assert name.status_code == 403
    bad = await ask(api, "SELECT 1", parameters={"a b": 1})
    assert bad.status_code == 400


@pytest.mark.parametrize(
    ("query", "status", "name", "word"),
    [
        ("SELEC 1", 400, "SYNTAX_ERROR", "position"),
        ("SELECT nothing", 400, "UNKNOWN_IDENTIFIER", "DESCRIBE"),
        ("SELECT * FROM nothing", 400, "UNKNOWN_TABLE", "SHOW TABLES"),
        ("SELECT {x:String}", 400, "UNKNOWN_QUERY_PARAMETER", "parameter"),
        ("SELECT throwIf(1, 'so it is')", 400, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO", "engine"),
        (
            "SELECT groupArray(number) FROM numbers(1000000000)",
            422,
            "MEMORY_LIMIT_EXCEEDED",
            "api.sql_max_memory",
        ),
    ],
)
async def test_errors_carry_the_engines_code_and_what_to_do(
    api: httpx.AsyncClient, query: str, status: int, name: str, word: str
) -> None:
    answer = await ask(api, query)
    body = answer.json()
    assert answer.status_code == status, body
    assert body["name"] == name
    assert body["code"] > 0
    assert word in body["hint"]


async def test_a_refusal_says_why_and_what_to_write(api: httpx.AsyncClient) -> None:
    answer = await ask(api, "SELECT file('/etc/passwd')")
    assert answer.status_code == 403
    body = answer.json()
    assert body["type"].endswith("sql-refused")
    assert "file" in body["detail"]
    assert body["hint"]
    metrics = (await api.get("/metrics")).text
    assert 'penstock_api_sql_queries_total{outcome="refused"} 1.0' in metrics


async def test_a_query_runs_no_longer_than_the_setting(wanted: Settings) -> None:
    quick = wanted.model_copy(update={"api": wanted.api.model_copy(update={"sql_max_seconds": 0.5})})
    async with served(quick) as api:
        answer = await ask(api, "SELECT max(cityHash64(number)) FROM numbers(1000000000000)")
    assert answer.status_code == 422
    assert answer.json()["name"] == "TIMEOUT_EXCEEDED"
    assert "api.sql_max_seconds" in answer.json()["hint"]


async def test_a_query_too_long_is_refused(api: httpx.AsyncClient) -> None:
    answer = await ask(api, "SELECT '" + "x" * 70_000 + "'")
    assert answer.status_code == 413


async def running(url: str) -> int:
    query = "SELECT count() FROM system.processes WHERE query LIKE '%needle_of_this_test%'"
    async with httpx.AsyncClient(trust_env=False) as client:
        # The question itself is one of them.
        return int((await client.post(url, content=query)).text) - 1


async def until(wanted_count: int, url: str) -> None:
    async with asyncio.timeout(15):
        while await running(url) != wanted_count:
            await asyncio.sleep(0.05)


async def test_a_client_that_goes_away_ends_its_query(api: httpx.AsyncClient, clickhouse_url: str) -> None:
    query = "SELECT max(cityHash64(number)) AS needle_of_this_test FROM numbers(1000000000000)"
    task = asyncio.create_task(ask(api, query))
    await until(1, clickhouse_url)
    task.cancel()
    await asyncio.wait({task})
    # Long before its 20 seconds are over.
    async with asyncio.timeout(10):
        await until(0, clickhouse_url)
    text = (await api.get("/metrics")).text
    assert 'penstock_api_sql_queries_total{outcome="left"} 1.0' in text


async def test_the_store_away_is_said_and_its_return_is_noticed(tmp_path: Path) -> None:
    async with served(settings(tmp_path)) as api:
        answer = await ask(api, "SELECT 1")
    assert answer.status_code == 503
    assert "ClickHouse at http://127.0.0.1:9" in answer.json()["detail"]


async def test_more_queries_than_places_wait_for_each_other(api: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(ask(api, f"SELECT sum(number), {n} FROM numbers(1000000)") for n in range(20))
    )
    assert [answer.status_code for answer in answers] == [200] * 20
