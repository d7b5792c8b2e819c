"""Rules, what fires, and what became of notifications: as the views say it."""

import json
import time
from typing import Any
from uuid import UUID

import pytest

from tests.sinks.clickhouse.inventing import Inventor
from tests.sinks.clickhouse.sending import send
from tests.sinks.clickhouse.world import World

pytestmark = pytest.mark.integration

NOW = time.time_ns() // 1000
RULE = {"name": "Hot", "source": "node-states", "enabled": True, "notify": {"channels": ["ops", "pager"]}}


def rule(revision: int, **fields: Any) -> dict[str, Any]:
    usual = {"rule_id": "hot", "revision": revision, "deleted": False, "rule": json.dumps(RULE)}
    return Inventor().event("rule_changed", **usual | fields)


def condition(state: str, revision: int) -> dict[str, Any]:
    at = NOW + revision * 1_000_000
    fields = {
        "condition_id": "c1",
        "state": state,
        "revision": revision,
        "rule_id": "hot",
        "reason": "cleared",
    }
    return Inventor().event("condition_changed", **fields, onset_at=NOW, occurred_at=at)


def attempt(channel: str, number: int, outcome: str, **fields: Any) -> dict[str, Any]:
    usual = {
        "notification_id": str(UUID(int=7)),
        "channel_id": channel,
        "attempt": number,
        "outcome": outcome,
        "error": "" if outcome == "delivered" else f"{outcome} {number}",
        "occurred_at": NOW + number,
    }
    return Inventor().event("delivery_attempted", **usual | fields)


@pytest.mark.asyncio
async def test_a_rule_is_one_row_with_its_newest_revision(world: World) -> None:
    await world.make_topics()
    world.start_sink()
    await send(world, "rule_changed", rule(1), rule(2, by="ada"), rule(1, rule_id="gone"))
    await send(world, "rule_changed", rule(2, rule_id="gone", deleted=True, rule=""))
    # The same event goes through the topics of the stages too.
    await send(world, "rule_changed", rule(1), rule(2, by="ada"), topic="telemetry")
    await world.stored("rules", 4)
    await world.stored("telemetry", 2)
    (row,) = world.rows("SELECT * FROM rules")
    assert (row["rule_id"], int(row["revision"]), row["name"], row["by"]) == ("hot", 2, "Hot", "ada")
    assert row["channels"] == ["ops", "pager"]


@pytest.mark.asyncio
async def test_a_condition_is_one_row_from_firing_to_resolved(world: World) -> None:
    await world.make_topics()
    world.start_sink()
    await send(world, "condition_changed", condition("firing", 0))
    await world.stored("firings", 1)
    (row,) = world.rows("SELECT * FROM firings")
    assert (row["state"], row["resolved_at"], row["resolved_because"]) == ("firing", None, "")
    await send(world, "condition_changed", condition("updated", 1), condition("resolved", 2))
    await world.stored("firings", 3)
    (row,) = world.rows("SELECT * FROM firings")
    assert (row["state"], row["resolved_because"], int(row["revision"])) == ("resolved", "cleared", 2)
    assert row["resolved_at"] is not None


@pytest.mark.asyncio
async def test_a_notification_says_who_was_told_who_was_not_and_who_waits(world: World) -> None:
    await world.make_topics()
    world.start_sink()
    channels = ["mail", "ops", "pager"]
    due = Inventor().event("notification_due", id=str(UUID(int=7)), channels=channels, kind="opened")
    await send(world, "notification_due", due)
    await world.stored("notifications", 1)
    (row,) = world.rows("SELECT * FROM notifications")
    assert (row["delivered"], row["waiting"], row["failed"]) == ([], channels, [])
    await send(
        world,
        "delivery_attempted",
        attempt("ops", 1, "retrying"),
        attempt("ops", 2, "delivered", since_fact_ms=1500.0),
        attempt("pager", 3, "refused"),
    )
    await world.stored("notifications", 4)
    (row,) = world.rows("SELECT * FROM notifications")
    assert (row["delivered"], row["waiting"], row["failed"]) == (["ops"], ["mail"], ["pager"])
    assert (int(row["attempts"]), row["last_error"], row["since_fact_ms"]) == (3, "refused 3", 1500.0)
