"""ClickHouse's own Python client, as it is, in both its forms."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
import pytest_asyncio
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.external import ExternalData

pytestmark = pytest.mark.integration

DDL = "CREATE TABLE t (id UInt64, name String, value Nullable(Float64)) ENGINE = MergeTree ORDER BY id"
ROWS: list[list[object]] = [[1, "a", 0.5], [2, "ü\t'\n", None]]


def where(url: str, database: str) -> dict[str, Any]:
    address = urlsplit(url)
    return {"host": address.hostname, "port": address.port, "database": database}


@pytest.fixture(params=["lz4", "zstd", "gzip", False])
def client(request: pytest.FixtureRequest, clickhouse_url: str, clickhouse_database: str) -> Iterator[Any]:
    opened = clickhouse_connect.get_client(
        **where(clickhouse_url, clickhouse_database), compress=request.param
    )
    yield opened
    opened.close()


@pytest_asyncio.fixture
async def aclient(clickhouse_url: str, clickhouse_database: str) -> AsyncIterator[Any]:
    opened = await clickhouse_connect.get_async_client(
        **where(clickhouse_url, clickhouse_database), autogenerate_session_id=False
    )
    yield opened
    await opened.close()


def test_insert_query_and_parameters(client: Any) -> None:
    client.command(DDL)
    written = client.insert("t", ROWS, column_names=["id", "name", "value"])
    assert written.written_rows == 2
    found = client.query("SELECT * FROM t WHERE id >= {low:UInt64} ORDER BY id", parameters={"low": 1})
    assert [list(row) for row in found.result_rows] == ROWS
    assert found.summary["read_rows"] == "2"
    assert client.query("SELECT %(a)s, %(b)s", parameters={"a": "x'y", "b": [1, 2]}).result_rows == [
        ("x'y", [1, 2])
    ]
    assert client.command("SELECT count() FROM t") == 2
    assert client.query_df("SELECT id FROM t ORDER BY id")["id"].tolist() == [1, 2]


def test_raw_formats_and_large_answers(client: Any) -> None:
    client.command("CREATE TABLE raw (n UInt64) ENGINE = MergeTree ORDER BY n")
    client.raw_insert("raw", insert_block=b"1\n2\n", fmt="TSV", settings={"max_insert_threads": 1})
    assert client.raw_query("SELECT sum(n) FROM raw", fmt="JSONEachRow") == b'{"sum(n)":3}\n'
    with client.query_row_block_stream("SELECT number FROM numbers(2000000)") as blocks:
        assert sum(len(block) for block in blocks) == 2_000_000
    assert client.query_arrow("SELECT number FROM numbers(100000)").num_rows == 100_000


def test_a_session_keeps_temporary_tables(client: Any) -> None:
    client.command("CREATE TEMPORARY TABLE mine (a UInt8)")
    client.insert("mine", [[5]], column_names=["a"])
    assert client.query("SELECT a FROM mine", settings={"max_threads": 1}).result_rows == [(5,)]


def test_errors_have_their_code_and_leave_the_client_usable(client: Any) -> None:
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        client.query("SELECT * FROM nowhere")
    with pytest.raises(DatabaseError, match="FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"):
        client.query("SELECT number, throwIf(number = 3000000) FROM numbers(10000000)")
    assert client.command("SELECT 1") == 1


def test_external_data(client: Any) -> None:
    rows = ExternalData(
        file_name="names.csv", data=b"1,a\n2,b\n", fmt="CSV", structure=["id UInt8", "name String"]
    )
    assert client.query("SELECT name FROM names ORDER BY id", external_data=rows).result_rows == [
        ("a",),
        ("b",),
    ]


def test_a_client_that_only_reads(clickhouse_url: str, clickhouse_database: str) -> None:
    headers = {"X-Penstock-Readonly": "1"}
    reader = clickhouse_connect.get_client(**where(clickhouse_url, clickhouse_database), headers=headers)
    assert reader.query("SELECT number FROM numbers(3)").row_count == 3
    with pytest.raises(DatabaseError, match="READONLY"):
        reader.command("CREATE TABLE t (a Int8) ENGINE = Memory")
    reader.close()


@pytest.mark.asyncio
async def test_the_async_client_runs_many_at_once(aclient: Any) -> None:
    await aclient.command(DDL)
    await asyncio.gather(
        *(aclient.insert("t", ROWS, column_names=["id", "name", "value"]) for _ in range(30))
    )
    found = await asyncio.gather(*(aclient.query(f"SELECT {n}, count() FROM t") for n in range(30)))
    assert [answer.result_rows for answer in found] == [[(n, 60)] for n in range(30)]
    with pytest.raises(DatabaseError, match="UNKNOWN_IDENTIFIER"):
        await aclient.query("SELECT nothing")
