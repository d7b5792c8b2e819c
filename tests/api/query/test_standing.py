"""What is open, from the events of its topic."""

import asyncio
from typing import Any

import pytest

from api.query.finding import ALERT, OBSERVATION, Finding, concerns, id_of, shown, state_of
from api.query.standing import ENDED, EVENTS, Standing
from schemas.events.observation import ObservationOpened, ObservationUpdated
from tests.api.findings import SECOND, alert, observation, resolved, updated
from tests.api.states import T0

NOW = T0 + 600 * SECOND


def test_one_is_open_until_it_is_resolved() -> None:
    standing = Standing(OBSERVATION)
    opened = observation()
    worse = updated(opened, severity="critical")
    standing.apply(opened)
    standing.apply(worse)
    assert list(standing.open()) == [worse]
    assert standing.history(id_of(opened)) == (opened, worse)
    over = resolved(worse)
    standing.apply(over)
    assert list(standing.open()) == []
    assert standing.get(id_of(opened)) == over
    assert list(standing.all()) == [over]


def test_what_comes_again_or_late_changes_nothing() -> None:
    standing = Standing(OBSERVATION)
    opened = observation()
    worse = updated(opened)
    over = resolved(worse)
    known: list[Finding] = [opened, worse, opened, worse]
    for event in known:
        standing.apply(event)
    assert standing.history(id_of(opened)) == (opened, worse)
    late: list[Finding] = [over, opened, worse, updated(updated(worse))]
    for event in late:
        standing.apply(event)
    assert standing.get(id_of(opened)) == over
    assert len(standing) == 0


def test_one_whose_beginning_is_no_longer_kept_is_known_all_the_same() -> None:
    standing = Standing(OBSERVATION)
    standing.apply(updated(observation(), revision=7))
    standing.apply(resolved(observation("gone"), revision=9))
    assert len(standing) == 1
    assert standing.get(observation("gone").observation_id) is not None


def test_memory_is_bounded() -> None:
    standing = Standing(OBSERVATION)
    last: ObservationOpened | ObservationUpdated = observation()
    standing.apply(last)
    for _ in range(EVENTS + 5):
        last = updated(last)
        standing.apply(last)
    assert len(standing.history(id_of(last))) == EVENTS
    assert standing.get(id_of(last)) == last
    for number in range(ENDED + 5):
        standing.apply(resolved(observation(f"over {number}")))
    assert len(list(standing.all())) == ENDED + 1
    assert standing.get(observation("over 0").observation_id) is None


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "open"),
        ({"acknowledged_by": "anna"}, "acknowledged"),
        ({"acknowledged_by": "anna", "acknowledged_until": NOW + 1}, "acknowledged"),
        ({"acknowledged_by": "anna", "acknowledged_until": NOW}, "open"),
        ({"dismissed_until": NOW + 1}, "dismissed"),
        ({"dismissed_until": NOW}, "open"),
        ({"dismissed_until": NOW + 1, "acknowledged_by": "anna"}, "dismissed"),
        ({"dismissed_until": NOW, "acknowledged_by": "anna"}, "acknowledged"),
    ],
)
def test_the_state_is_of_now(fields: dict[str, Any], state: str) -> None:
    assert state_of(observation(**fields), NOW) == state
    assert state_of(resolved(observation(**fields)), NOW) == "resolved"


def test_as_json() -> None:
    made = shown(resolved(observation()), NOW)
    assert made["id"] == made["observation_id"] != made["event_id"]
    assert (made["state"], made["change"], made["acknowledged_until"]) == ("resolved", "resolved", None)
    assert made["ended_at"] == made["occurred_at"]
    assert made["peak_evidence"][0]["threshold"] is None
    assert shown(alert(), NOW)["ended_at"] is None


def test_an_alert_concerns_its_node_and_its_members() -> None:
    several = alert(node_id="", members=("a", "b"))
    assert concerns(several, "b")
    assert not concerns(several, "n1")
    assert concerns(alert(), "n1")
    assert ALERT.what == "alert"


@pytest.mark.asyncio
async def test_who_waits_is_woken_by_what_it_waits_for() -> None:
    standing = Standing(OBSERVATION)
    opened = observation()
    standing.apply(opened)
    waiting = asyncio.create_task(
        standing.until(id_of(opened), lambda one: bool(one.acknowledged_by), timeout_s=30)
    )
    await asyncio.sleep(0)
    standing.apply(updated(opened))
    await asyncio.sleep(0)
    assert not waiting.done()
    seen = updated(updated(opened), acknowledged_by="anna")
    standing.apply(seen)
    assert await waiting == seen
    assert await standing.until(id_of(opened), lambda one: one.severity == "info", timeout_s=0.01) is None
    assert standing._waiting == {}
