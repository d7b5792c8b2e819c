"""Every field of every event arrives in its column, and NaN arrives as NULL."""

from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import pytest

from schemas.codec import packaged
from schemas.codec.catalog import latest
from schemas.topics import TOPICS, stored_events, topic_of
from sinks.clickhouse.tables import TABLES, Table, columns, parents
from tests.sinks.clickhouse.inventing import Inventor, body
from tests.sinks.clickhouse.world import World

pytestmark = pytest.mark.integration


def named(kind: Any) -> dict[str, Any]:
    """Return every type that has a name, at any depth."""
    if not isinstance(kind, dict):
        return {}
    inner = [each["type"] for each in kind.get("fields", ())] + [kind.get("items")]
    found = {kind["name"]: kind} if "name" in kind else {}
    return found | {name: each for part in inner for name, each in named(part).items()}


NAMED = {name: kind for event in packaged() for name, kind in named(latest(event).schema).items()}


def stored(value: Any, kind: Any) -> Any:
    """What ClickHouse's JSON says of a value of an event."""
    kind = NAMED.get(kind, {}) if isinstance(kind, str) else kind
    if kind.get("logicalType"):
        return datetime.fromtimestamp(value / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [stored(item, kind["items"]) for item in value]
    if isinstance(value, dict):
        kinds = {each["name"]: each["type"] for each in kind.get("fields", ())}
        return {name: stored(item, kinds.get(name, "string")) for name, item in value.items()}
    return value


def rows_of(event: Mapping[str, Any], path: tuple[str, ...]) -> list[list[Mapping[str, Any]]]:
    """Return the records at a path, each behind the records it is in."""
    found: list[list[Mapping[str, Any]]] = [[event]]
    for name in path:
        found = [[*above, item] for above in found for item in above[-1][name]]
    return found


def pick(record: Mapping[str, Any], source: str) -> Any:
    for name in source.split("."):
        record = record[name]
    return record


def expected(table: Table, event: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for chain in rows_of(event, table.path):
        row = {"kind": table.kind} if table.kind else {}
        for column in columns(table):
            holder = event if column.inherited else chain[-1]
            row[column.name] = stored(pick(holder, column.source), column.kind)
        for parent in parents(table):
            row[parent.name] = stored(chain[-2][parent.name], parent.kind)
        rows.append(row)
    return rows


def key(row: Mapping[str, Any]) -> str:
    return repr(sorted((name, repr(value)) for name, value in row.items()))


@pytest.mark.asyncio
async def test_every_field_of_every_event_arrives_in_its_column(world: World) -> None:
    await world.make_topics()
    world.start_sink()
    inventor, codec = Inventor(), await world.codec()
    events = {event: inventor.event(event) for event in sorted(stored_events())}
    for event, value in events.items():
        await world.send_raw(
            [(topic_of(event).name, b"node-1", codec.frame(event, body(event, value)))], partition=0
        )
    for topic in TOPICS:
        if topic.stored:
            await world.stored(topic.name, sum(topic_of(event) is topic for event in topic.events))
    for name in {table.name for table in TABLES}:
        wanted = [
            row for table in TABLES if table.name == name for row in expected(table, events[table.event])
        ]
        names = ", ".join(f"`{each}`" for each in wanted[0])
        found = world.rows(f"SELECT {names} FROM {name} SETTINGS output_format_json_quote_64bit_integers = 0")
        assert sorted(found, key=key) == sorted(wanted, key=key), name


@pytest.mark.asyncio
async def test_rows_know_where_in_kafka_they_come_from(world: World) -> None:
    await world.make_topics()
    world.start_sink()
    inventor, codec = Inventor(), await world.codec()
    value = codec.frame("node_sample", body("node_sample", inventor.event("node_sample")))
    await world.send_raw([("telemetry", b"node-1", None), ("telemetry", b"node-1", value)], partition=2)
    await world.stored("telemetry", 2)
    places = "topic, partition, offset, arrived_at"
    (row,) = world.rows(f"SELECT {places} FROM node_samples")
    assert (row["topic"], row["partition"], row["offset"]) == (world.topic("telemetry"), 2, 1)
    tombstone, logged = world.rows(
        f"SELECT {places}, key, hex(value) AS value FROM event_log ORDER BY offset"
    )
    assert tombstone["value"] is None
    assert logged.items() >= row.items()
    assert bytes.fromhex(logged["value"]) == value
    assert logged["key"] == "node-1"
