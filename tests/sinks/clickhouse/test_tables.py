"""The migrations, the map of columns and the schemas say the same."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from schemas.codec.catalog import latest
from schemas.settings import ClickHouseSettings
from schemas.topics import stored_events
from sinks.clickhouse.migrate import blanks, migrations
from sinks.clickhouse.tables import COORDINATES, LEFT_OUT, TABLES, columns, comments, parents

CLUSTER = ClickHouseSettings(cluster="main")


def created() -> Mapping[str, list[str]]:
    """Return the columns of every table as the migrations leave it."""
    found: dict[str, list[str]] = {}
    for migration in migrations():
        for statement in migration.statements(ClickHouseSettings()):
            match = re.match(
                r"CREATE TABLE IF NOT EXISTS penstock\.(\w+)\s+\((.*)\n\)\n", statement, re.DOTALL
            )
            if match:
                lines = (line.split() for line in match.group(2).splitlines())
                found[match.group(1)] = [
                    words[0] for words in lines if words and words[0] not in ("INDEX", "CONSTRAINT")
                ]
            copy = re.match(r"CREATE TABLE IF NOT EXISTS penstock\.(\w+)\s+AS penstock\.(\w+)", statement)
            if copy:
                found[copy.group(1)] = list(found[copy.group(2)])
            table = re.match(r"ALTER TABLE penstock\.(\w+)", statement)
            for name, after in re.findall(
                r"ADD COLUMN IF NOT EXISTS (\w+) [^\n]*?(?: AFTER (\w+))?(?:,?$)", statement, re.MULTILINE
            ):
                assert table
                columns_of = found[table.group(1)]
                columns_of.insert(columns_of.index(after) + 1 if after else len(columns_of), name)
    return found


def leaves(record: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return every field that is no record and no array of records, dotted."""
    found = []
    named: dict[str, Any] = {}
    for field in record["fields"]:
        kind, name = field["type"], prefix + field["name"]
        inner = kind.get("items") if isinstance(kind, dict) and kind["type"] == "array" else kind
        inner = named.get(inner, inner) if isinstance(inner, str) else inner
        if isinstance(inner, dict) and inner["type"] == "record":
            named[inner["name"]] = inner
            found += leaves(inner, f"{name}.")
        else:
            found.append(name)
    return found


@pytest.mark.parametrize("event", sorted(stored_events()))
def test_every_field_of_a_schema_reaches_a_column_or_is_left_out_on_purpose(event: str) -> None:
    reached = {
        ".".join((*table.path, column.source))
        for table in TABLES
        if table.event == event
        for column in columns(table)
    }
    for leaf in leaves(latest(event).schema):
        parts = leaf.split(".")
        above = {".".join(parts[:depth]) for depth in range(1, len(parts) + 1)}
        assert above & reached or f"{event}.{leaf}" in LEFT_OUT, leaf


@pytest.mark.parametrize("table", TABLES, ids=lambda table: f"{table.name}-{table.event}")
def test_a_table_has_the_columns_of_the_map_and_the_coordinates(table: Any) -> None:
    mapped = {column.name for column in columns(table)} | {column.name for column in parents(table)}
    mapped |= {"kind"} if table.kind else set()
    assert set(created()[table.name]) == mapped | set(COORDINATES)


@pytest.mark.parametrize("event", sorted(stored_events()))
def test_an_intake_has_the_fields_of_the_newest_schema_in_its_envelope(event: str) -> None:
    names = [name for name in created()[f"intake_{event}"] if not name.startswith("kafka_")]
    assert names == [field["name"] for field in latest(event).schema["fields"]]
    assert created()[f"trial_{event}"] == created()[f"intake_{event}"]


def test_comments_are_the_words_of_the_schemas() -> None:
    gpu_samples = next(table for table in TABLES if table.name == "gpu_samples")
    said = comments(gpu_samples)
    assert said["power_w"] == "watts; NVML power usage is milliwatts"
    assert said["arrived_at"] == COORDINATES["arrived_at"]


def test_migrations_are_numbered_without_holes() -> None:
    numbers = [each.number for each in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_statement_may_run_twice() -> None:
    may = re.compile(
        r"CREATE (TABLE|MATERIALIZED VIEW) IF NOT EXISTS |CREATE OR REPLACE VIEW "
        r"|ALTER TABLE \S+ .*(ADD (COLUMN|INDEX) IF NOT EXISTS|MODIFY )",
        re.DOTALL,
    )
    for migration in migrations():
        for statement in migration.statements(ClickHouseSettings()):
            assert may.match(statement), statement[:100]


def test_on_a_cluster_every_statement_is_for_all_of_it_and_every_table_replicated() -> None:
    for migration in migrations():
        for statement in migration.statements(CLUSTER):
            assert "ON CLUSTER `main`" in statement.partition("\n")[0], statement[:100]
            assert not re.search(r"ENGINE = (?!Null|Replicated)", statement), statement[:100]
    assert not any(
        "ON CLUSTER" in statement or "Replicated" in statement
        for migration in migrations()
        for statement in migration.statements(ClickHouseSettings())
    )


def test_every_blank_is_used() -> None:
    text = "".join(each.text for each in migrations())
    for name in blanks(CLUSTER):
        assert f"${name}" in text or f"${{{name}}}" in text, name
