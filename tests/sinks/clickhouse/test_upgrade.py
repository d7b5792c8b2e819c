"""From a store of the version before: rows stay, and what older agents and stages still send is taken."""

import json

import pytest

from schemas.codec import frame, packaged
from schemas.registry import Registry
from schemas.settings import Settings
from sinks.clickhouse.migrate import migrate, migrations
from sinks.clickhouse.store import Store
from sinks.clickhouse.tables import Table, columns
from tests.sinks.clickhouse.inventing import Inventor, body
from tests.sinks.clickhouse.sending import send
from tests.sinks.clickhouse.world import World

pytestmark = pytest.mark.integration

BEFORE = [each for each in migrations() if each.number <= 8]


@pytest.mark.asyncio
async def test_rows_of_the_version_before_stay(settings: Settings) -> None:
    store, database = Store(settings), settings.clickhouse.database
    try:
        await migrate(store, settings.clickhouse, BEFORE)
        for table, column, value in (("node_panes", "samples", 10), ("node_states", "wes", 2)):
            await store.command(
                f"INSERT INTO {database}.{table} (fleet, node_id, arrived_at, {column})"
                f" VALUES ('f', 'node-1', now(), {value})"
            )
        await migrate(store, settings.clickhouse)
        panes = await store.rows(
            f"SELECT node_id, samples, agent_version, stopped FROM {database}.node_panes"
        )
        nodes = await store.rows(f"SELECT node_id, wes, routing_hint FROM {database}.nodes")
    finally:
        await store.close()
    assert [tuple(row) for row in panes] == [("node-1", 10.0, "", None)]
    assert [tuple(row) for row in nodes] == [("node-1", 2.0, "")]


@pytest.mark.asyncio
@pytest.mark.parametrize(("event", "topic"), [("node_pane", "panes"), ("node_state", "node-states")])
async def test_an_event_of_the_first_version_arrives(world: World, event: str, topic: str) -> None:
    await world.make_topics()
    world.start_sink()
    first = packaged()[event][0]
    registry = Registry(world.settings.registry)
    try:
        schema_id = await registry.register(first.subject, first.text)
    finally:
        await registry.close()
    schema = json.loads(first.text)
    value = Inventor().event(event, node_id="node-1", fleet="f")
    await world.send_raw([(topic, b"node-1", frame(schema_id, body(event, value, schema)))])
    await world.stored(topic, 1)
    (row,) = world.rows(f"SELECT * FROM {event}s")
    assert row["node_id"] == "node-1"
    added = {each["name"] for each in packaged()[event][-1].schema["fields"]} - {
        each["name"] for each in schema["fields"]
    }
    assert {row[name] or None for name in added & row.keys() if row[name] != {}} <= {None, "clear"}
    assert added & {column.name for column in columns(Table(f"{event}s", event))}


@pytest.mark.asyncio
async def test_what_an_agent_says_on_two_topics_is_one_row(world: World) -> None:
    await world.make_topics()
    world.start_sink()
    registered, stopped = Inventor().event("node_registered"), Inventor().event("node_stopped")
    for topic in ("nodes", "telemetry"):
        await send(world, "node_registered", registered, topic=topic)
        await send(world, "node_stopped", stopped, topic=topic)
        await world.stored(topic, 2)
    for table in ("node_registrations", "node_stops"):
        assert world.rows(f"SELECT topic FROM {table}") == [{"topic": world.topic("nodes")}]
    assert world.value("SELECT count() FROM event_log") == 4
