"""Observations and alerts over HTTP, as far as the API's own memory tells them."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from api.parts import Parts
from api.query.finding import id_of
from tests.api.findings import SECOND, alert, observation, resolved, updated
from tests.api.running import settings, within
from tests.api.states import state

pytestmark = pytest.mark.asyncio

NOW = time.time_ns() // 1000


@pytest_asyncio.fixture
async def api(tmp_path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, Parts]]:
    """An API that has read its topics once; Kafka and ClickHouse are away."""
    async with within(settings(tmp_path)) as (client, app):
        at: Parts = app.state.parts
        at.live.tail.has_caught_up = True
        yield client, at


async def ids(client: httpx.AsyncClient, plural: str = "observations", **asked: Any) -> list[str]:
    answer = await client.get(f"/api/v1/{plural}", params=asked)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()[plural]]


async def test_lists_by_filter(api: tuple[httpx.AsyncClient, Parts]) -> None:
    client, at = api
    plain = observation("plain", onset_at=NOW - 60 * SECOND)
    seen = observation("seen", onset_at=NOW - 120 * SECOND, acknowledged_by="anna", severity="critical")
    hidden = observation("hidden", onset_at=NOW, dismissed_until=NOW + 3600 * SECOND)
    other = observation("other", node_id="n2", fleet="f2", pattern="oom", onset_at=NOW - 7200 * SECOND)
    for each in (plain, seen, hidden, other):
        at.observations.apply(each)
    assert await ids(client) == [id_of(plain), id_of(seen), id_of(other)]
    assert await ids(client, state="open") == [id_of(plain), id_of(other)]
    assert await ids(client, state="acknowledged,dismissed") == [id_of(hidden), id_of(seen)]
    assert await ids(client, node="n2") == await ids(client, fleet="f2") == [id_of(other)]
    assert await ids(client, pattern="oom") == [id_of(other)]
    assert await ids(client, severity="critical,info") == [id_of(seen)]
    assert await ids(client, to="-1h") == [id_of(other)]
    assert len(await ids(client, **{"from": "-1h"})) == 3
    assert await ids(client, limit=1) == [id_of(plain)]
    page = (await client.get("/api/v1/observations", params={"limit": 2})).json()
    assert await ids(client, cursor=page["next"]) == [id_of(other)]


async def test_alerts_are_listed_alike(api: tuple[httpx.AsyncClient, Parts]) -> None:
    client, at = api
    single = alert("single", onset_at=NOW)
    several = alert(
        "several", alert="correlated_incident", node_id="", members=("n7", "n8"), onset_at=NOW - 1
    )
    at.alerts.apply(single)
    at.alerts.apply(several)
    assert await ids(client, "alerts") == [id_of(single), id_of(several)]
    assert await ids(client, "alerts", node="n8") == [id_of(several)]
    assert await ids(client, "alerts", alert="node_offline") == [id_of(single)]
    body = (await client.get(f"/api/v1/alerts/{id_of(several)}")).json()
    assert body["members"] == ["n7", "n8"]
    assert body["history_complete"] is True


async def test_one_with_its_history_needs_no_store(api: tuple[httpx.AsyncClient, Parts]) -> None:
    client, at = api
    opened = observation()
    at.observations.apply(opened)
    at.observations.apply(updated(opened, severity="critical"))
    body = (await client.get(f"/api/v1/observations/{id_of(opened)}")).json()
    assert (body["id"], body["state"], body["severity"]) == (id_of(opened), "open", "critical")
    assert [event["change"] for event in body["history"]] == ["opened", "updated"]
    assert body["history_complete"] is True


async def test_a_history_with_a_hole_says_so_while_the_store_is_away(
    api: tuple[httpx.AsyncClient, Parts],
) -> None:
    client, at = api
    at.observations.apply(updated(observation(), revision=5))
    body = (await client.get(f"/api/v1/observations/{observation().observation_id}")).json()
    assert (len(body["history"]), body["history_complete"]) == (1, False)


async def test_the_past_needs_the_store(api: tuple[httpx.AsyncClient, Parts]) -> None:
    client, at = api
    at.observations.apply(resolved(observation()))
    for path in (
        "?state=all",
        "?state=resolved",
        "/unknown",
        f"/{observation('of long ago').observation_id}",
    ):
        answer = await client.get(f"/api/v1/observations{path}")
        assert answer.status_code == 503, path
        assert "ClickHouse" in answer.json()["detail"]
    assert await ids(client) == []


async def test_before_the_topics_are_read_nobody_is_told_that_all_is_well(tmp_path: Path) -> None:
    async with within(settings(tmp_path)) as (client, _):
        for path in ("", "/x"):
            answer = await client.get(f"/api/v1/observations{path}")
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert "retry-after" in answer.headers


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({"state": "closed"}, 400, "'closed' is no state"),
        ({"state": ""}, 400, "is no state"),
        ({"severity": "fatal"}, 400, "'fatal' is no severity"),
        ({"from": "yesterday"}, 400, "not a time"),
        ({"to": "1e400"}, 400, "not a time"),
        ({"from": "now", "to": "-1h"}, 400, "from is not before to"),
        ({"cursor": "é"}, 400, "cursor is none of ours"),
        ({"cursor": "MTI6"}, 400, "cursor is none of ours"),
        ({"limit": "0"}, 422, "limit"),
        ({"limit": "501"}, 422, "limit"),
        ({"limit": "many"}, 422, "limit"),
        ({"node": "n" * 101}, 422, "node"),
        ({"pattern": "p" * 101}, 422, "pattern"),
    ],
)
async def test_what_cannot_be_asked_is_said(
    api: tuple[httpx.AsyncClient, Parts], asked: dict[str, str], status: int, says: str
) -> None:
    answer = await api[0].get("/api/v1/observations", params=asked)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]


async def test_every_endpoint_of_findings_is_described_with_an_example_that_fits(
    api: tuple[httpx.AsyncClient, Parts],
) -> None:
    paths = (await api[0].get("/openapi.json")).json()["paths"]
    described = {path: of for path, of in paths.items() if path.startswith(("/api/v1/obs", "/api/v1/alerts"))}
    assert len(described) == 14
    for path, methods in described.items():
        for method in methods.values():
            content = method["responses"]["200"]["content"]["application/json"]
            assert set(content["example"]) <= set(content["schema"]["properties"]), path
            for name, value in content["example"].items():
                inner = content["schema"]["properties"][name]
                if isinstance(value, dict) and "properties" in inner:
                    assert set(value) <= set(inner["properties"]), (path, name)
            if "requestBody" in method:
                assert method["requestBody"]["content"]["application/json"]["examples"], path


async def test_nodes_tell_their_hint_and_their_observations(api: tuple[httpx.AsyncClient, Parts]) -> None:
    client, at = api
    now = time.time_ns() // 1000
    at.fleet.apply(state(routing_hint="steer_away", routing_hint_source="thermal_drain"), now)
    at.observations.apply(observation("late", onset_at=5, severity="critical"))
    at.observations.apply(observation("early", onset_at=4))
    at.observations.apply(observation("hidden", dismissed_until=now + 3600 * SECOND))
    at.observations.apply(observation("of another", node_id="n2"))
    (node,) = (await client.get("/api/v1/nodes")).json()["nodes"]
    assert (node["routing_hint"], node["routing_hint_source"]) == ("steer_away", "thermal_drain")
    assert [(one["id"], one["pattern"], one["severity"]) for one in node["observations"]] == [
        (observation("early").observation_id, "thermal_drain", "warning"),
        (observation("late").observation_id, "thermal_drain", "critical"),
    ]
    whole = (await client.get("/api/v1/nodes/n1")).json()
    assert whole["observations"] == node["observations"]
    assert whole["routing_hint"] == "steer_away"


async def test_open_ones_are_counted_for_prometheus(api: tuple[httpx.AsyncClient, Parts]) -> None:
    client, at = api
    for name in ("a", "b"):
        at.observations.apply(observation(name))
    at.observations.apply(observation("seen", acknowledged_by="anna"))
    at.observations.apply(resolved(observation("over")))
    at.alerts.apply(alert())
    text = (await client.get("/metrics")).text
    labels = 'fleet="f1",pattern="thermal_drain",severity="warning"'
    assert f'penstock_observations_open{{{labels},state="open"}} 2.0' in text
    assert f'penstock_observations_open{{{labels},state="acknowledged"}} 1.0' in text
    labels = 'alert="node_offline",fleet="f1",severity="critical"'
    assert f'penstock_alerts_open{{{labels},state="open"}} 1.0' in text


@pytest.mark.parametrize("topics", ["", "node-states,", "panes", "alerts observations"])
async def test_a_stream_of_other_topics_is_refused(api: tuple[httpx.AsyncClient, Parts], topics: str) -> None:
    answer = await api[0].get("/api/v1/stream", params={"topics": topics})
    assert answer.status_code == 400
    assert "node-states, observations, alerts" in answer.json()["hint"]


async def test_an_id_of_another_server_is_refused(api: tuple[httpx.AsyncClient, Parts]) -> None:
    answer = await api[0].get("/api/v1/stream", headers={"Last-Event-ID": "x9:1"})
    assert answer.status_code == 400
