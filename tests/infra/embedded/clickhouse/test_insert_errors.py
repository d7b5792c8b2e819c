"""What fails after the rows were parsed is an error like any other, and the client hears of it."""

import httpx
import pytest

pytestmark = pytest.mark.integration


def ask(url: str, sql: str) -> str:
    answer = httpx.post(url, content=sql, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.text


def insert(url: str, table: str, data: bytes, settings: str = "") -> httpx.Response:
    return httpx.post(
        url, params={"query": f"INSERT INTO {table} {settings} FORMAT TSV"}, content=data, timeout=60
    )


def test_a_violated_constraint(clickhouse_url: str, clickhouse_database: str) -> None:
    table = f"{clickhouse_database}.t"
    ask(clickhouse_url, f"CREATE TABLE {table} (a Int8, CONSTRAINT small CHECK a < 5) ENGINE = Memory")
    answer = insert(clickhouse_url, table, b"1\n7\n")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "469"
    assert ask(clickhouse_url, f"SELECT count() FROM {table}") == "0\n"
    assert insert(clickhouse_url, table, b"1\n").status_code == 200


def test_a_view_that_throws(clickhouse_url: str, clickhouse_database: str) -> None:
    table = f"{clickhouse_database}.t"
    ask(clickhouse_url, f"CREATE TABLE {table} (a Int8) ENGINE = Null")
    ask(
        clickhouse_url,
        f"CREATE MATERIALIZED VIEW {table}_v ENGINE = Memory AS SELECT throwIf(a = 7) AS x FROM {table}",
    )
    assert insert(clickhouse_url, table, b"7\n").headers["X-ClickHouse-Exception-Code"] == "395"


def test_settings_in_the_statement(clickhouse_url: str, clickhouse_database: str) -> None:
    table = f"{clickhouse_database}.t"
    ask(clickhouse_url, f"CREATE TABLE {table} (a Int8, b Int8 DEFAULT 3) ENGINE = Memory")
    settings = "(a) SETTINGS input_format_tsv_empty_as_default = 1"
    assert insert(clickhouse_url, table, b"1\n", settings).status_code == 200
    assert ask(clickhouse_url, f"SELECT * FROM {table}") == "1\t3\n"
