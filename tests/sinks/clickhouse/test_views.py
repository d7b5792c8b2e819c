"""What people select from: the newest of each node, and minutes and hours merged from panes."""

import math
from typing import Any

import pytest

from tests.sinks.clickhouse.inventing import T0, Inventor
from tests.sinks.clickhouse.sending import send
from tests.sinks.clickhouse.world import World

pytestmark = pytest.mark.integration

MINUTE = 60_000_000
START = T0 // (60 * MINUTE) * 60 * MINUTE


def statistic(values: list[float]) -> dict[str, float]:
    if not values:
        return {"n": 0.0, "m2": 0.0} | dict.fromkeys(("mean", "min", "max", "first", "last"), math.nan)
    mean = sum(values) / len(values)
    return {
        "n": float(len(values)),
        "mean": mean,
        "m2": sum((value - mean) ** 2 for value in values),
        "min": min(values),
        "max": max(values),
        "first": values[0],
        "last": values[-1],
    }


def histogram(values: list[float]) -> dict[str, Any]:
    counts: dict[int, int] = {}
    for value in values:
        if value > 0:
            bucket = math.ceil(math.log2(value) * 8) - 1
            counts[bucket] = counts.get(bucket, 0) + 1
    return {
        "zeros": sum(value <= 0 for value in values),
        "buckets": sorted(counts),
        "counts": [counts[bucket] for bucket in sorted(counts)],
    }


def pane(started_at: int, wes: list[float]) -> dict[str, Any]:
    made = Inventor().event(
        "node_pane", node_id="node-1", fleet="f", started_at=started_at, occurred_at=started_at + 10_000_000
    )
    return made | {"wes": statistic(wes), "wes_histogram": histogram(wes), "samples": 10.0}


@pytest.mark.asyncio
async def test_minutes_and_hours_are_the_merge_of_their_panes(world: World) -> None:
    await world.make_topics()
    world.start_sink()
    first, third = [1.0, 2.0], [30.0, 0.0, 40.0]
    await send(world, "node_pane", pane(START, first), pane(START + 10_000_000, []))
    await world.stored("panes", 2)
    await send(world, "node_pane", pane(START + 20_000_000, third), pane(START + 5 * MINUTE, [7.0]))
    await world.stored("panes", 4)
    columns = "samples, wes_mean, wes_min, wes_max, wes_p50, wes_p95"
    minute, later = world.rows(f"SELECT {columns} FROM nodes_1m ORDER BY started_at")
    assert minute["samples"] == 30
    assert minute["wes_mean"] == pytest.approx(sum(first + third) / 5)
    assert (minute["wes_min"], minute["wes_max"]) == (0, 40)
    # A bucket is 2^(1/8) wide, so its middle is within 5 % of anything in it.
    assert minute["wes_p50"] == pytest.approx(2.0, rel=0.05)
    assert minute["wes_p95"] == pytest.approx(40.0, rel=0.05)
    assert (later["samples"], later["wes_mean"]) == (10, 7)
    (hour,) = world.rows(f"SELECT {columns} FROM nodes_1h")
    assert hour["wes_mean"] == pytest.approx(sum([*first, *third, 7.0]) / 6)
    for view in ("gpus_1m", "gpus_1h", "runtimes_1m", "runtimes_1h", "models_1m", "models_1h"):
        assert world.value(f"SELECT count() FROM {view}") > 0


@pytest.mark.asyncio
async def test_nodes_are_their_newest_registration_and_state(world: World) -> None:
    await world.make_topics()
    world.start_sink()
    registered = Inventor().event("node_registered", node_id="node-1", fleet="f")
    state = Inventor().event("node_state", node_id="node-1", fleet="f")
    known_by_state_alone = state | {"node_id": "node-2"}
    await send(world, "node_registered", registered | {"hostname": "old"})
    await world.stored("nodes", 1)
    await send(world, "node_registered", registered | {"hostname": "new"})
    await world.stored("nodes", 2)
    await send(world, "node_state", state | {"wes": 1.0}, state | {"wes": 2.5}, known_by_state_alone)
    await world.stored("node-states", 3)
    one, two = world.rows("SELECT * FROM nodes ORDER BY node_id")
    assert (one["node_id"], one["hostname"], one["wes"], one["gpu_count"]) == ("node-1", "new", 2.5, 2)
    assert (two["node_id"], two["hostname"], two["registered_at"]) == ("node-2", "", None)
    assert one["stopped_at"] is None
    assert world.value("SELECT count() FROM gpus") == 2
    assert world.value("SELECT count() FROM runtimes") == 2
    assert world.value("SELECT count() FROM available_models") == 4


@pytest.mark.asyncio
async def test_minutes_of_requests_are_the_sum_of_parts_and_revisions(world: World) -> None:
    await world.make_topics()
    world.start_sink()
    first, late, other = [0.5, 0.5], [4.0], [0.0, 1.0]
    usual = {"node_id": "node-1", "fleet": "f", "model": "m", "started_at": START, "in_flight_s": 6.0}
    made = [
        Inventor().event("request_pane", **usual, part=0, revision=0, completed=2.0, ttft=histogram(first)),
        Inventor().event("request_pane", **usual, part=0, revision=1, completed=1.0, ttft=histogram(late)),
        Inventor().event("request_pane", **usual, part=1, revision=0, completed=2.0, ttft=histogram(other)),
    ]
    await send(world, "request_pane", *made)
    await world.stored("panes", 3)
    for view, seconds in (("requests_1m", 60), ("requests_1h", 3600)):
        (row,) = world.rows(f"SELECT completed, in_flight_mean, ttft_p50_s, ttft_p99_s FROM {view}")
        assert (row["completed"], row["in_flight_mean"]) == (5, 18 / seconds)
        assert row["ttft_p50_s"] == pytest.approx(0.5, rel=0.05)
        assert row["ttft_p99_s"] == pytest.approx(4.0, rel=0.05)
