"""What was so at a moment, and what was known of it at another: the views that take both, on real tables."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from schemas.settings import ClickHouseSettings, Settings
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store

pytestmark = pytest.mark.integration

# Rows are kept for a month.
YESTERDAY = datetime.now(UTC) - timedelta(days=1)
DAY, NEXT_DAY = f"{YESTERDAY:%Y-%m-%d}", f"{YESTERDAY + timedelta(days=1):%Y-%m-%d}"
THEN, LATER = f"{DAY} 03:12:00", f"{DAY} 09:00:00"


class Tables:
    """A database with every table, to put rows into and ask."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def put(self, table: str, **row: Any) -> None:
        """Insert a row; its times are times of the day, and it arrives when it happens unless said."""
        row.setdefault("arrived_at", row["occurred_at"])
        row = {
            name: f"{DAY} {value}" if name.endswith(("_at", "_until")) else value
            for name, value in row.items()
        }
        self._post(f"INSERT INTO {table} FORMAT JSONEachRow", json.dumps(row))

    def ask(self, query: str) -> list[list[Any]]:
        """Return the rows of a query."""
        text = self._post(query + " FORMAT JSONCompactEachRow", "")
        return [json.loads(line) for line in text.splitlines()]

    def _post(self, query: str, body: str) -> str:
        at = self.settings.clickhouse
        answer = httpx.post(
            at.url,
            params={"database": at.database, "query": query},
            content=body.encode(),
            timeout=60,
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture(scope="module")
def tables(clickhouse_url: str) -> Iterator[Tables]:
    name = f"as_of_{uuid4().hex[:12]}"
    settings = Settings(clickhouse=ClickHouseSettings(url=clickhouse_url, database=name))

    async def made() -> None:
        store = Store(settings)
        try:
            await migrate(store, settings.clickhouse)
        finally:
            await store.close()

    asyncio.run(made())
    yield Tables(settings)
    httpx.post(clickhouse_url, content=f"DROP DATABASE {name} SYNC", trust_env=False).raise_for_status()


@pytest.fixture(autouse=True)
def emptied(tables: Tables) -> None:
    for table in ("node_states", "node_stops", "observation_events", "alert_events"):
        tables._post(f"TRUNCATE TABLE {table}", "")


def state(tables: Tables, node: str, at: str, what: str, **more: Any) -> None:
    tables.put("node_states", fleet="f", node_id=node, occurred_at=at, inference_state=what, **more)


def said(tables: Tables, kind: str, name: str, revision: int, at: str, **more: Any) -> None:
    row = {"fleet": "f", "node_id": "a", "onset_at": "03:00:00", "severity": "warning"} | more
    for of in ("observation", "alert"):
        tables.put(
            f"{of}_events",
            **{f"{of}_id": name, "kind": kind, "revision": revision, "occurred_at": at, **row},
        )


def test_a_nodes_state_is_the_newest_until_then_by_its_clock(tables: Tables) -> None:
    state(tables, "a", "03:11:00", "idle")
    state(tables, "a", "03:11:58", "live")
    state(tables, "a", "03:12:01", "busy")
    state(tables, "b", "02:00:00", "busy")
    query = f"SELECT node_id, inference_state, silent_s FROM node_state_as_of(t = '{THEN}') ORDER BY 1"
    assert tables.ask(query) == [["a", "live", 2], ["b", "busy", 4320]]


def test_what_came_late_is_known_only_later(tables: Tables) -> None:
    state(tables, "a", "03:05:00", "idle")
    state(tables, "a", "03:11:58", "live", arrived_at="05:00:00", offset=7)
    query = "SELECT inference_state FROM node_state_as_known(t = '{}', known_at = '{}')"
    assert tables.ask(query.format(THEN, THEN)) == [["idle"]]
    assert tables.ask(query.format(THEN, LATER)) == [["live"]]


def test_of_two_states_of_one_moment_the_later_in_the_log_counts(tables: Tables) -> None:
    state(tables, "a", "03:11:58", "idle", arrived_at="03:11:59", offset=1)
    state(tables, "a", "03:11:58", "live", arrived_at="03:11:59", offset=2)
    assert tables.ask(f"SELECT inference_state FROM node_state_as_of(t = '{THEN}')") == [["live"]]


def test_a_node_that_stopped_is_there_with_the_time_and_one_silent_for_a_day_is_not(tables: Tables) -> None:
    state(tables, "a", "03:11:00", "idle")
    state(tables, "b", "03:11:00", "idle")
    tables.put("node_stops", fleet="f", node_id="a", occurred_at="03:11:30")
    tables.put("node_stops", fleet="f", node_id="b", occurred_at="02:00:00")
    query = f"SELECT node_id, toString(stopped_at) FROM node_state_as_of(t = '{THEN}') ORDER BY 1"
    assert tables.ask(query) == [["a", f"{DAY} 03:11:30.000000"], ["b", None]]
    assert tables.ask(f"SELECT node_id FROM node_state_as_of(t = '{NEXT_DAY} 03:12:00')") == []


@pytest.mark.parametrize("of", ["observation", "alert"])
def test_what_stood_then_is_as_it_was_said_until_then(tables: Tables, of: str) -> None:
    said(tables, "opened", "stood", 0, "03:05:00", text="first")
    said(tables, "updated", "stood", 1, "03:10:00", text="second")
    said(tables, "updated", "stood", 2, "03:20:00", text="third")
    said(tables, "resolved", "stood", 3, "03:30:00")
    said(tables, "opened", "over", 0, "03:01:00")
    said(tables, "resolved", "over", 1, "03:11:00")
    said(tables, "opened", "began later", 0, "03:20:00", onset_at="03:15:00")
    source = f"{of}s_as_of(t = '{THEN}', known_at = '{LATER}')"
    query = f"SELECT {of}_id, text, revision, told, duration_s FROM {source}"
    assert tables.ask(query) == [["stood", "second", 1, 1, 720]]


@pytest.mark.parametrize("of", ["observation", "alert"])
def test_what_was_told_later_is_known_only_later(tables: Tables, of: str) -> None:
    said(tables, "opened", "slow", 0, "03:20:00", onset_at="03:10:00", text="first")
    said(tables, "updated", "slow", 1, "03:25:00", onset_at="03:10:00", text="second")
    said(tables, "opened", "ended", 0, "03:05:00")
    said(tables, "resolved", "ended", 1, "03:11:00", arrived_at="08:00:00")
    query = f"SELECT {of}_id, text, told FROM {of}s_as_of(t = '{THEN}', known_at = '{{}}')"
    assert tables.ask(query.format(THEN)) == [["ended", "", 1]], "its end had not arrived"
    assert tables.ask(query.format(LATER)) == [["slow", "first", 0]]


@pytest.mark.parametrize("of", ["observation", "alert"])
def test_what_people_had_done_holds_until_it_expires(tables: Tables, of: str) -> None:
    said(tables, "opened", "seen", 0, "03:05:00")
    said(tables, "updated", "seen", 1, "03:06:00", acknowledged_by="ann", acknowledged_until="03:11:00")
    said(tables, "opened", "hidden", 0, "03:05:00")
    said(tables, "updated", "hidden", 1, "03:06:00", dismissed_until="08:00:00")
    query = f"SELECT {of}_id, state FROM {of}s_as_of(t = '{{}}', known_at = '{LATER}') ORDER BY 1"
    assert tables.ask(query.format(f"{DAY} 03:10:00")) == [["hidden", "dismissed"], ["seen", "acknowledged"]]
    assert tables.ask(query.format(THEN)) == [["hidden", "dismissed"], ["seen", "open"]]


def test_the_queries_of_the_documentation_run(tables: Tables) -> None:
    text = (Path(__file__).parents[3] / "docs" / "sql.md").read_text("utf-8")
    section = text.split("## What was so, and what was known")[1].split("\n## ")[0]
    queries = re.findall(r"(?:^    .*\n)+", section, re.MULTILINE)
    assert len(queries) == 3
    day = re.compile(r"2026-11-21")
    state(tables, "a", "03:11:00", "idle", offset=1)
    state(tables, "a", "03:11:59", "live", arrived_at="04:00:00", offset=2)
    said(tables, "opened", "slow", 0, "03:20:00", onset_at="03:10:00")
    found = [tables.ask(day.sub(DAY, query)) for query in queries]
    assert found[0] == [["a", "idle", "", None, 60]]
    assert len(found[1]) == 1
    assert found[2] == [["a", "idle", "live"]]
