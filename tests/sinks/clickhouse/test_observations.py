"""Observations and alerts: one row each, as the newest of what was said of it."""

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
HOUR = 3600 * SECOND
EVIDENCE = {
    "name": "temperature_c",
    "subject": "GPU-1",
    "unit": "C",
    "comparison": ">=",
    "value": 91.5,
    "threshold": math.nan,
}


def said(kind: str, of: str, name: str, revision: int, **fields: Any) -> dict[str, Any]:
    """Return what was said of an observation or alert that began a minute ago."""
    usual: dict[str, Any] = {
        f"{of}_id": name,
        "fleet": "f",
        "node_id": "node-1",
        "onset_at": NOW - 60 * SECOND,
        "occurred_at": NOW - 60 * SECOND + revision * SECOND,
        "revision": revision,
        "severity": "warning",
        "text": f"{kind} {revision}",
        "evidence": [EVIDENCE],
        "acknowledged_by": "",
        "acknowledged_until": 0,
        "dismissed_until": 0,
        "reason": kind,
    }
    return Inventor().event(f"{of}_{kind}", **usual | fields)


@pytest.mark.asyncio
@pytest.mark.parametrize("of", ["observation", "alert"])
async def test_one_that_is_over_is_one_row_from_onset_to_end(world: World, of: str) -> None:
    await world.make_topics()
    world.start_sink()
    await send(world, f"{of}_opened", said("opened", of, "a", 0))
    await send(world, f"{of}_updated", said("updated", of, "a", 1, severity="critical"))
    await world.stored(f"{of}s", 2)
    (row,) = world.rows(f"SELECT * FROM {of}s")
    assert (row["state"], row["severity"], row["text"], row["resolved_at"]) == (
        "open", "critical", "updated 1", None,
    )  # fmt: skip
    assert row["duration_s"] >= 60
    await send(world, f"{of}_resolved", said("resolved", of, "a", 2, duration_s=2.5, reason="cleared"))
    await world.stored(f"{of}s", 3)
    (row,) = world.rows(f"SELECT * FROM {of}s")
    assert (row["state"], row["duration_s"], row["resolved_because"]) == ("resolved", 2.5, "cleared")
    assert row["resolved_at"] is not None
    assert row["evidence"] == [EVIDENCE | {"threshold": None}]
    kinds = world.rows(f"SELECT kind, text FROM {of}_events ORDER BY revision")
    assert [each["kind"] for each in kinds] == ["opened", "updated", "resolved"]


@pytest.mark.asyncio
@pytest.mark.parametrize("of", ["observation", "alert"])
async def test_states_follow_what_operators_did_and_when_it_ends(world: World, of: str) -> None:
    await world.make_topics()
    world.start_sink()
    await send(
        world,
        f"{of}_updated",
        said("updated", of, "open", 1),
        said("updated", of, "acknowledged", 1, acknowledged_by="ann"),
        said("updated", of, "for an hour", 1, acknowledged_by="ann", acknowledged_until=NOW + HOUR),
        said("updated", of, "no longer", 1, acknowledged_by="ann", acknowledged_until=NOW - HOUR),
        said("updated", of, "dismissed", 1, dismissed_until=NOW + HOUR),
        said("updated", of, "back", 1, dismissed_until=NOW - HOUR),
    )
    await world.stored(f"{of}s", 6)
    rows = world.rows(f"SELECT {of}_id AS name, state, acknowledged_until FROM {of}s")
    assert {row["name"]: row["state"] for row in rows} == {
        "open": "open",
        "acknowledged": "acknowledged",
        "for an hour": "acknowledged",
        "no longer": "open",
        "dismissed": "dismissed",
        "back": "open",
    }
    assert {row["name"] for row in rows if row["acknowledged_until"]} == {"for an hour", "no longer"}


@pytest.mark.asyncio
async def test_what_comes_late_does_not_open_again_what_is_over(world: World) -> None:
    await world.make_topics()
    world.start_sink()
    await send(world, "observation_resolved", said("resolved", "observation", "a", 2))
    await world.stored("observations", 1)
    await send(world, "observation_opened", said("opened", "observation", "a", 0))
    await send(world, "observation_opened", said("opened", "observation", "b", 0, onset_at=NOW))
    await world.stored("observations", 3)
    rows = world.rows("SELECT observation_id, state FROM observations ORDER BY observation_id")
    assert [tuple(row.values()) for row in rows] == [("a", "resolved"), ("b", "open")]


@pytest.mark.asyncio
async def test_an_action_sent_twice_is_one(world: World) -> None:
    await world.make_topics()
    world.start_sink()
    action = Inventor().event("operator_action", fleet="f", target="alert")
    await send(world, "operator_action", action, action)
    await send(world, "operator_action", action, topic="summaries")
    await world.stored("panes", 2)
    await world.stored("summaries", 1)
    assert world.value("SELECT count() FROM operator_actions FINAL") == 1
