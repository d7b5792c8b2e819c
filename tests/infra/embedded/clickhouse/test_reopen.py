"""A store is opened again, whatever was or was not in it."""

from pathlib import Path

import httpx
import pytest

from tests.fixtures.clickhouse import clickhouse

pytestmark = pytest.mark.integration

TABLE = "(a Int64) ENGINE = MergeTree ORDER BY a"


@pytest.mark.parametrize(
    "statements",
    [
        (),
        ("CREATE DATABASE d", f"CREATE TABLE d.t {TABLE}", "INSERT INTO d.t VALUES (1)"),
        (f"CREATE TABLE default.t {TABLE}", "INSERT INTO default.t VALUES (1)"),
        (f"CREATE TABLE default.t {TABLE}", "DROP TABLE default.t SYNC"),
    ],
    ids=["nothing", "another database", "a table in default", "a dropped table in default"],
)
def test_it_opens_again_with_what_was_there(tmp_path: Path, statements: tuple[str, ...]) -> None:
    with clickhouse(tmp_path) as store:
        for statement in statements:
            httpx.post(store.url, content=statement).raise_for_status()
        before = tables(store.url)
    with clickhouse(tmp_path) as store:
        assert tables(store.url) == before


def tables(url: str) -> str:
    where = "WHERE database IN ('default', 'd') ORDER BY 1, 2"
    query = f"SELECT database, name, total_rows FROM system.tables {where}"
    return httpx.post(url, content=query).raise_for_status().text
