"""Bytes that cannot be used: a letter with the reason, and nothing else lost."""

import json

import pytest

from schemas.codec import frame, schema_id_of
from schemas.codec.catalog import latest
from schemas.registry import Registry
from sinks.clickhouse.envelope import Enclosed, enclose, stored_schema, subject
from tests import samples
from tests.sinks.clickhouse.inventing import Inventor, body
from tests.sinks.clickhouse.world import World

pytestmark = pytest.mark.integration


@pytest.mark.asyncio
async def test_bad_records_in_the_middle_are_letters_and_the_rest_goes_in(world: World) -> None:
    await world.make_topics()
    codec = await world.codec()
    good = [codec.encode(samples.sample(seq, gpus=(samples.gpu(),))) for seq in range(40)]
    sample_id = schema_id_of(good[0])
    whole = good[20]
    bad = {
        5: whole[:-9],  # too short: read on its own it would swallow the next record
        11: whole + b"\x00\x00",  # bytes left over
        12: whole + good[0],  # two events in one record
        17: b"not framed at all",
        23: frame(999_999, whole[5:]),
        29: codec.encode(samples.tick(1))[:5] + b"\x02",
        31: frame(sample_id, b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" + whole[6:]),  # a name of 2^63 bytes
    }
    values = [bad.get(at, value) for at, value in enumerate(good)]
    await world.send_raw([("telemetry", b"node-1", value) for value in values], partition=1)
    world.start_sink()
    await world.stored("telemetry", len(values))
    found = world.rows("SELECT offset, seq FROM node_samples ORDER BY offset")
    assert [(row["offset"], row["seq"]) for row in found] == [
        (at, at) for at in range(len(values)) if at not in bad
    ]
    assert world.value("SELECT count() FROM gpu_samples") == len(values) - len(bad)
    await world.stored("dead-letters", len(bad))
    letters = world.rows("SELECT * FROM dead_letters ORDER BY source_offset")
    assert [row["source_offset"] for row in letters] == sorted(bad)
    assert {row["reason"] for row in letters} == {"decode", "unknown_schema"}
    assert {row["source_topic"] for row in letters} == {world.topic("telemetry")}
    log = world.rows("SELECT offset, hex(value) AS value FROM event_log WHERE partition = 1 ORDER BY offset")
    assert [bytes.fromhex(row["value"]) for row in log[: len(values)]] == values


@pytest.mark.asyncio
async def test_a_record_that_pretends_to_be_two_is_not_believed(world: World) -> None:
    """A forger who knows the envelope cannot close the first record: the mark is new each time."""
    await world.make_topics()
    codec = await world.codec()
    registry = Registry(world.settings.registry)
    whole = codec.encode(samples.tick(1))
    world.start_sink()
    await world.send_raw([("telemetry", b"a", whole)], partition=0)
    await world.stored("telemetry", 1)
    stored = await registry.register(
        subject(latest("clock_tick")), stored_schema(latest("clock_tick").schema)
    )
    await registry.close()
    second = enclose(stored, world.topic("telemetry"), [Enclosed(0, 77, 0, whole[5:])])
    mark = second[5 : second.index(world.topic("telemetry").encode()) - 1]
    forged = whole + mark + second[: -len(mark)]
    await world.send_raw([("telemetry", b"a", forged), ("telemetry", b"a", whole)], partition=0)
    await world.stored("telemetry", 3)
    assert [row["offset"] for row in world.rows("SELECT offset FROM clock_ticks ORDER BY offset")] == [0, 2]


@pytest.mark.asyncio
async def test_events_of_another_version_are_stored_as_ours(world: World) -> None:
    await world.make_topics()
    registry = Registry(world.settings.registry)
    newer = json.loads(latest("node_sample").text)
    gpu = next(field for field in newer["fields"] if field["name"] == "gpus")["type"]["items"]
    gpu["fields"].append({"name": "novelty_ratio", "type": "double", "default": 0.0})
    older = json.loads(latest("clock_tick").text)
    older["fields"] = [field for field in older["fields"] if field["name"] != "interval_s"]
    newer_id = await registry.register("another.NodeSample", json.dumps(newer))
    older_id = await registry.register("another.ClockTick", json.dumps(older))
    await registry.close()
    event = Inventor().event("node_sample", node_id="node-9")
    for each in event["gpus"]:
        each["novelty_ratio"] = 0.5
    tick = Inventor().event("clock_tick")
    world.start_sink()
    await world.send([samples.sample(1)], partition=0)
    await world.send_raw(
        [
            ("telemetry", b"node-9", frame(newer_id, body("node_sample", event, newer))),
            ("telemetry", b"clock", frame(older_id, body("clock_tick", tick, older))),
        ],
        partition=0,
    )
    await world.stored("telemetry", 3)
    assert world.value("SELECT count() FROM node_samples") == 2
    (row,) = world.rows(
        "SELECT count() AS n, sum(sm_clock_mhz) AS s FROM gpu_samples WHERE node_id = 'node-9'"
    )
    assert int(row["n"]) == 2
    # interval_s has no default: the older version does not resolve to ours, and is a letter.
    await world.stored("dead-letters", 1)
    assert world.value("SELECT count() FROM dead_letters") == 1
