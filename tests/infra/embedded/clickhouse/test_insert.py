import gzip
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.fixtures.processes import wait_until

pytestmark = pytest.mark.integration


class Table:
    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.name = name

    def insert(self, data: bytes | Iterator[bytes], fmt: str = "TSV", **parameters: str) -> httpx.Response:
        query = {"query": f"INSERT INTO {self.name} FORMAT {fmt}", **parameters}
        return httpx.post(self.url, params=query, content=data, timeout=60)

    def ask(self, sql: str) -> str:
        return httpx.post(self.url, content=sql, timeout=60).text

    def rows(self) -> int:
        return int(self.ask(f"SELECT count() FROM {self.name}"))


@pytest.fixture
def table(clickhouse_url: str, clickhouse_database: str) -> Table:
    made = Table(clickhouse_url, f"{clickhouse_database}.t")
    ddl = f"CREATE TABLE {made.name} (a UInt64, s String) ENGINE = MergeTree ORDER BY a"
    assert made.ask(f"{ddl} SETTINGS non_replicated_deduplication_window = 100") == ""
    return made


def lines(rows: int) -> bytes:
    return b"".join(b"%d\tx\n" % n for n in range(rows))


def test_written_rows_are_counted_with_those_of_views(table: Table) -> None:
    table.ask(f"CREATE MATERIALIZED VIEW {table.name}_v ENGINE = Memory AS SELECT a FROM {table.name}")
    answer = table.insert(lines(10))
    assert answer.text == ""
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "20"


def test_a_token_is_recognised_whichever_way_the_bytes_are_cut(table: Table) -> None:
    token = {"insert_deduplicate": "1", "insert_deduplication_token": "range-1"}
    data = lines(200_000)
    for pieces in (data, iter([data]), (data[at : at + 4001] for at in range(0, len(data), 4001))):
        assert table.insert(pieces, **token).status_code == 200
    assert table.insert(gzip.compress(data), **token).status_code != 200
    assert table.rows() == 200_000


def test_a_bad_row_changes_nothing(table: Table) -> None:
    answer = table.insert(lines(1000) + b"not a number\tx\n")
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (400, "27")
    assert "row 1001" in answer.text
    assert table.rows() == 0


def test_a_compressed_body_that_is_cut_off_changes_nothing(table: Table) -> None:
    body = gzip.compress(lines(1000))[:-9]
    query = {"query": f"INSERT INTO {table.name} FORMAT TSV"}
    answer = httpx.post(table.url, params=query, content=body, headers={"Content-Encoding": "gzip"})
    assert answer.headers["X-ClickHouse-Exception-Code"] == "271"
    assert table.rows() == 0


def test_a_client_that_leaves_in_the_middle_inserts_nothing(table: Table) -> None:
    where = urlsplit(table.url)
    head = f"POST /?query_id=leaving&query=INSERT+INTO+{table.name}+FORMAT+TSV HTTP/1.1\r\nHost: x\r\n"
    with socket.create_connection((where.hostname or "", where.port or 0)) as connection:
        connection.sendall(f"{head}Content-Length: 1000000\r\n\r\n".encode() + lines(1000))
    # The id is free again as soon as the insertion is dropped.
    free = {"query_id": "leaving"}
    wait_until(
        lambda: httpx.post(table.url, params=free, content="SELECT 1").status_code == 200,
        what="the id is free",
    )
    assert table.rows() == 0


def test_data_behind_the_statement_in_the_body(table: Table) -> None:
    assert table.ask(f"INSERT INTO {table.name} FORMAT JSONEachRow\n" + '{"a": 1, "s": "\\n"}') == ""
    assert table.ask(f"INSERT INTO {table.name} (a) VALUES (2), (1 + 2);") == ""
    assert table.ask(f"INSERT INTO {table.name} SELECT number + 4, 'x' FROM numbers(2)") == ""
    assert (
        table.ask(
            f"INSERT INTO {table.name} SELECT a * 2, b FROM input('a UInt8, b String') FORMAT CSV\n3,c\n"
        )
        == ""
    )
    assert (
        table.ask(f"SELECT groupArray(a) FROM (SELECT a FROM {table.name} ORDER BY a)") == "[1,2,3,4,5,6]\n"
    )


def test_parameters_in_an_insertion(table: Table) -> None:
    database, name = table.name.split(".")
    query = {
        "query": "INSERT INTO {d:Identifier}.{t:Identifier} FORMAT TSV",
        "param_d": database,
        "param_t": name,
    }
    assert httpx.post(table.url, params=query, content=lines(3)).text == ""
    assert table.rows() == 3


def test_more_rows_than_a_block_in_a_stream(table: Table) -> None:
    data = lines(100_000)
    answer = table.insert(data for _ in range(15))
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "1500000"
    assert table.rows() == 1_500_000


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [("INSERT INTO nowhere FORMAT TSV", 404, "60"), ("INSERT INTO {0} FORMAT Nonsense", 404, "73")],
)
def test_an_insertion_that_cannot_begin(table: Table, query: str, status: int, code: str) -> None:
    answer = httpx.post(table.url, params={"query": query.format(table.name)}, content=lines(300_000))
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, code)


def test_native_of_another_revision_is_refused(table: Table) -> None:
    answer = table.insert(b"\x01", "Native", client_protocol_version="54460")
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (501, "48")


def test_asynchronous_insertions(table: Table) -> None:
    assert table.insert(lines(5), async_insert="1", wait_for_async_insert="1").text == ""
    assert table.rows() == 5
