"""Requests folded from their facts: one row each, whatever came, however often and in whatever order."""

import math
import time
from typing import Any

import pytest

from tests.sinks.clickhouse.inventing import Inventor
from tests.sinks.clickhouse.sending import send
from tests.sinks.clickhouse.world import World

pytestmark = pytest.mark.integration

SECOND = 1_000_000
NOW = time.time_ns() // 1000


def fact(event: str, request: str, **fields: Any) -> dict[str, Any]:
    """Return a fact of a request that was received just now."""
    usual: dict[str, Any] = {"request_id": request, "fleet": "f", "router_id": "r1", "model": "m"}
    return Inventor().event(event, **usual | {"occurred_at": NOW} | fields)


def finished(request: str, **fields: Any) -> dict[str, Any]:
    usual = {
        "received_at": NOW,
        "occurred_at": NOW + 3 * SECOND,
        "outcome": "completed",
        "node_id": "node-2",
        "queue_wait_s": 0.5,
        "ttft_s": 0.75,
        "total_s": 3.0,
        "prompt_tokens": 20.0,
        "completion_tokens": 40.0,
        "cached_tokens": math.nan,
        "attempts": 2,
    }
    return fact("request_finished", request, **usual | fields)


def routed(request: str, attempt: int, node_id: str) -> dict[str, Any]:
    return fact("request_routed", request, attempt=attempt, node_id=node_id, runtime_id="vllm:8000")


async def start(world: World) -> None:
    await world.make_topics()
    world.start_sink()


@pytest.mark.asyncio
async def test_a_finished_request_is_one_row_with_what_both_ends_say(world: World) -> None:
    await start(world)
    await send(world, "request_received", fact("request_received", "a", dialect="ollama", path="/api/chat"))
    await send(world, "request_routed", routed("a", 1, "node-1"), routed("a", 2, "node-2"))
    await send(world, "request_finished", finished("a"))
    await world.stored("requests", 4)
    (row,) = world.rows("SELECT * FROM requests")
    wanted = {
        "request_id": "a",
        "state": "finished",
        "outcome": "completed",
        "node_id": "node-2",
        "model": "m",
        "dialect": "ollama",
        "path": "/api/chat",
        "queue_wait_s": 0.5,
        "ttft_s": 0.75,
        "prompt_tokens": 20,
        "completion_tokens": 40,
        "cached_tokens": None,
    }
    assert wanted.items() <= row.items()


@pytest.mark.asyncio
async def test_open_requests_say_how_far_they_have_come(world: World) -> None:
    await start(world)
    names = ("queued", "admitted", "routed", "streaming")
    await send(world, "request_received", *(fact("request_received", name) for name in names))
    await send(
        world,
        "request_admitted",
        *(fact("request_admitted", name, queue_wait_s=0.25) for name in names[1:]),
    )
    await send(world, "request_routed", *(routed(name, 1, "node-1") for name in names[2:]))
    await send(world, "request_routed", routed("streaming", 2, "node-2"))
    await send(world, "request_first_token", fact("request_first_token", "streaming", attempt=2, ttft_s=0.5))
    await world.stored("requests", 4 + 3 + 3 + 1)
    rows = world.rows(
        "SELECT request_id, state, outcome, node_id, attempts, queue_wait_s, ttft_s FROM requests"
        " SETTINGS output_format_json_quote_64bit_integers = 0"
    )
    assert {row["request_id"]: row["state"] for row in rows} == dict(zip(names, names, strict=True))
    (last,) = [row for row in rows if row["state"] == "streaming"]
    assert (last["node_id"], last["attempts"], last["queue_wait_s"], last["ttft_s"]) == (
        "node-2",
        2,
        0.25,
        0.5,
    )
    assert {row["outcome"] for row in rows} == {""}


@pytest.mark.asyncio
async def test_facts_that_come_twice_or_in_another_order_count_once(world: World) -> None:
    await start(world)
    received = fact("request_received", "a")
    await send(world, "request_finished", finished("a"))
    await send(world, "request_received", received)
    await world.stored("requests", 2)
    await send(world, "request_received", received, received)
    await send(world, "request_finished", finished("a"))
    await world.stored("requests", 5)
    (row,) = world.rows("SELECT * FROM requests")
    assert (row["state"], row["completion_tokens"]) == ("finished", 40)
    assert world.value("SELECT count() FROM requests_received FINAL") == 1
    assert world.value("SELECT count() FROM requests_finished FINAL") == 1
    (sums,) = world.rows("SELECT received, finished, open, finished_twice, holds FROM request_conservation")
    assert {name: int(value) for name, value in sums.items()} == {
        "received": 1,
        "finished": 1,
        "open": 0,
        "finished_twice": 0,
        "holds": 1,
    }


@pytest.mark.asyncio
async def test_conservation_shows_what_is_open_and_what_breaks_it(world: World) -> None:
    await start(world)
    await send(world, "request_received", *(fact("request_received", name) for name in "abc"))
    await send(world, "request_finished", finished("a"), finished("b"))
    await world.stored("requests", 5)
    sums = "SELECT received, finished, open, never_received, finished_twice, holds FROM request_conservation"
    (row,) = world.rows(sums)
    assert [int(value) for value in row.values()] == [3, 2, 1, 0, 0, 1]
    await send(world, "request_finished", finished("b", outcome="router_stopped"), finished("stranger"))
    await world.stored("requests", 7)
    (row,) = world.rows(sums)
    assert [int(value) for value in row.values()] == [3, 3, 1, 1, 1, 0]


@pytest.mark.asyncio
async def test_candidates_keep_what_was_chosen_and_why(world: World) -> None:
    await start(world)
    signal = {"name": "wait", "value": 2.0, "score": -1.0, "age_s": 0.5}
    usual = {"runtime_id": "vllm:8000", "model": "m", "score": 1.0, "estimate_s": math.nan}
    chosen = usual | {"node_id": "node-1", "excluded": "", "signals": [signal]}
    other = usual | {"node_id": "node-2", "excluded": "breaker", "signals": []}
    await send(world, "request_routed", routed("a", 1, "node-1") | {"candidates": [chosen, other]})
    await world.stored("requests", 1)
    rows = world.rows(
        "SELECT node_id, chosen_node_id, excluded, estimate_s, signals.name AS names, signals.score AS scores"
        " FROM request_candidates ORDER BY node_id"
    )
    assert [(row["node_id"], row["chosen_node_id"], row["excluded"]) for row in rows] == [
        ("node-1", "node-1", ""),
        ("node-2", "node-1", "breaker"),
    ]
    assert (rows[0]["names"], rows[0]["scores"], rows[0]["estimate_s"]) == (["wait"], [-1], None)


@pytest.mark.asyncio
async def test_a_request_of_long_ago_that_comes_now_is_kept(world: World) -> None:
    """A replay, or a simulated fleet, has its own time; rows live as long as they have been here."""
    await start(world)
    then = NOW - 1000 * 24 * 3600 * SECOND
    await send(
        world, "request_received", *(fact("request_received", name, occurred_at=then) for name in "ab")
    )
    await send(world, "request_finished", finished("a", received_at=then, occurred_at=then + SECOND))
    await world.stored("requests", 3)
    rows = world.rows("SELECT request_id, state FROM requests ORDER BY request_id")
    assert [tuple(row.values()) for row in rows] == [("a", "finished"), ("b", "queued")]
