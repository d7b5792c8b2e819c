"""What operators do, from the call to the fact in Kafka and back to the answer, on a real broker."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from api.auth import KeyRing
from api.parts import Parts
from api.query import actions
from api.query.finding import Finding, id_of, kind_of
from schemas.settings import ApiSettings, ClickHouseSettings, KafkaSettings, RegistrySettings, Settings
from tests.api.answering import Answering, answering
from tests.api.findings import SECOND, alert, alert_updated, observation, resolved
from tests.api.running import settings, within

asynchronous = pytest.mark.asyncio


@dataclass(frozen=True)
class Running:
    """The API, and who answers."""

    client: httpx.AsyncClient
    parts: Parts
    stage: Answering

    async def act(self, finding: Finding, verb: str, /, **body: Any) -> httpx.Response:
        path = f"/api/v1/{kind_of(finding).plural}/{id_of(finding)}/{verb}"
        return await self.client.post(path, json=body)

    async def opened(self, finding: Finding) -> None:
        """Write it, and wait until the API knows."""
        await self.stage.write(finding)
        standing = self.parts.standing(kind_of(finding))
        known = await standing.until(id_of(finding), lambda one: one.revision == finding.revision, 30)
        assert known


@pytest.fixture
def wanted(tmp_path: Path, kafka_settings: KafkaSettings, registry_url: str, clickhouse_url: str) -> Settings:
    return settings(
        tmp_path,
        kafka=kafka_settings,
        registry=RegistrySettings(url=registry_url),
        clickhouse=ClickHouseSettings(url=clickhouse_url, database="default"),
    )


@asynccontextmanager
async def running(wanted: Settings) -> AsyncIterator[Running]:
    async with answering(wanted) as stage, within(wanted) as (client, app):
        at: Parts = app.state.parts
        async with asyncio.timeout(60):
            while not at.live.is_ready:
                await asyncio.sleep(0.02)
        yield Running(client, at, stage)


@pytest_asyncio.fixture
async def at(wanted: Settings) -> AsyncIterator[Running]:
    async with running(wanted) as found:
        yield found


@pytest.mark.integration
@asynchronous
async def test_an_acknowledgement_is_a_fact_and_its_effect_is_the_answer(at: Running) -> None:
    opened = observation()
    await at.opened(opened)
    answer = await at.act(opened, "acknowledge", note="fan ordered", by="anna", for_s=3600)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["already"], body["observation"]["state"]) == (False, "acknowledged")
    assert body["observation"]["acknowledged_by"] == "anna"
    ((topic, key, action),) = at.stage.acted
    assert (topic.removeprefix(at.stage.settings.kafka.topic_prefix), key) == ("panes", "n1")
    assert (action.target, action.target_id, action.node_id) == ("observation", id_of(opened), "n1")
    assert (action.action, action.by, action.note) == ("acknowledge", "anna", "fan ordered")
    assert abs(action.expires_at - action.occurred_at - 3600 * SECOND) < SECOND
    listed = (await at.client.get("/api/v1/observations?state=acknowledged")).json()["observations"]
    assert [one["id"] for one in listed] == [id_of(opened)]


@pytest.mark.integration
@asynchronous
async def test_what_is_so_already_writes_nothing(at: Running) -> None:
    opened = observation()
    await at.opened(opened)
    await at.act(opened, "acknowledge", by="anna")
    again = await at.act(opened, "acknowledge", by="bert")
    assert (again.status_code, again.json()["already"]) == (200, True)
    assert again.json()["observation"]["acknowledged_by"] == "anna"
    assert (await at.act(observation("free"), "restore")).status_code in (404, 503)
    assert len(at.stage.acted) == 1
    # Another end is another action.
    longer = await at.act(opened, "acknowledge", for_s=60)
    assert (longer.status_code, longer.json()["already"]) == (200, False)
    assert len(at.stage.acted) == 2


@pytest.mark.integration
@asynchronous
async def test_dismissed_restored_and_resolved(at: Running) -> None:
    opened = observation()
    await at.opened(opened)
    until = "2126-01-31T12:00:00Z"
    assert (await at.act(opened, "dismiss", expires_at=until)).status_code == 422
    hidden = (await at.act(opened, "dismiss")).json()["observation"]
    assert hidden["state"] == "dismissed"
    assert (await at.client.get("/api/v1/observations")).json()["observations"] == []
    free = (await at.act(opened, "restore")).json()["observation"]
    assert (free["state"], free["dismissed_until"]) == ("open", None)
    assert (await at.act(opened, "restore")).json()["already"] is True
    over = (await at.act(opened, "resolve")).json()["observation"]
    assert (over["state"], over["reason"]) == ("resolved", "operator")
    assert over["ended_at"]
    for verb in ("resolve", "acknowledge", "dismiss", "restore"):
        late = await at.act(opened, verb)
        assert late.status_code == 409, verb
        assert late.headers["content-type"] == "application/problem+json"
        assert late.json()["ended_at"] == over["ended_at"]
        assert over["ended_at"] in late.json()["detail"]
    assert len(at.stage.acted) == 3


@pytest.mark.integration
@asynchronous
async def test_an_alert_is_acted_on_through_its_fleet(at: Running) -> None:
    await at.opened(alert())
    answer = await at.act(alert(), "acknowledge", note="on it")
    assert answer.json()["alert"]["state"] == "acknowledged"
    ((topic, key, action),) = at.stage.acted
    assert (topic.removeprefix(at.stage.settings.kafka.topic_prefix), key) == ("summaries", "f1")
    assert (action.target, action.node_id, action.by) == ("alert", "", actions.LOCAL)


@pytest.mark.integration
@asynchronous
async def test_without_an_answer_in_time_the_action_is_accepted(
    at: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "WAIT_S", 0.05)
    at.stage.answers = False
    await at.opened(observation())
    answer = await at.act(observation(), "resolve", note="n")
    assert answer.status_code == 202
    assert answer.json()["observation"] is None
    assert answer.json()["action"]["action"] == "resolve"


@pytest.mark.integration
@asynchronous
async def test_one_that_ends_meanwhile_is_over(at: Running) -> None:
    at.stage.answers = False
    opened = observation()
    await at.opened(opened)
    acting = asyncio.create_task(at.act(opened, "acknowledge"))
    async with asyncio.timeout(30):
        while not at.stage.acted:
            await asyncio.sleep(0.01)
    await at.stage.write(resolved(opened))
    answer = await acting
    assert answer.status_code == 409
    assert "(cleared)" in answer.json()["detail"]


@pytest.mark.integration
@asynchronous
async def test_two_at_once_both_learn_what_came_of_it(at: Running) -> None:
    opened = observation()
    await at.opened(opened)
    answers = await asyncio.gather(*(at.act(opened, "acknowledge", by=name) for name in ("anna", "bert")))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert all(answer.json()["observation"]["state"] == "acknowledged" for answer in answers)


@pytest_asyncio.fixture
async def away(tmp_path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, Parts]]:
    """An API that knows of one observation and one alert; Kafka is away."""
    async with within(settings(tmp_path)) as (client, app):
        app.state.parts.live.tail.has_caught_up = True
        app.state.parts.observations.apply(observation())
        app.state.parts.alerts.apply(alert())
        yield client, app.state.parts


def _path(verb: str, finding: Finding | None = None) -> str:
    finding = finding or observation()
    return f"/api/v1/{kind_of(finding).plural}/{id_of(finding)}/{verb}"


@asynchronous
@pytest.mark.parametrize(
    ("verb", "body", "says"),
    [
        ("acknowledge", {"expires_at": "2001-01-01T00:00:00Z"}, "is not after now"),
        ("acknowledge", {"expires_at": "-1h"}, "is not after now"),
        ("dismiss", {"expires_at": "soon"}, "not a time"),
        ("dismiss", {"expires_at": ""}, "not a time"),
        ("dismiss", {"expires_at": "2126-01-01"}, "more than 366 days"),
        ("dismiss", {"for_s": 0}, "for_s is 0"),
        ("dismiss", {"for_s": -5}, "for_s is -5"),
        ("acknowledge", {"for_s": 1e300}, "for_s is 1e+300"),
        ("acknowledge", {"for_s": 60, "expires_at": "2126-01-01"}, "both given"),
        ("resolve", {"for_s": 60}, "resolve has no end"),
        ("restore", {"expires_at": "2126-01-01"}, "restore has no end"),
        ("acknowledge", {"for_s": "60"}, "for_s"),
        ("acknowledge", {"note": "n" * 1001}, "note"),
        ("acknowledge", {"note": 5}, "note"),
        ("acknowledge", {"by": "b" * 101}, "by"),
        ("acknowledge", {"by": "anna\x1b[2J"}, "cannot be printed"),
        ("acknowledge", {"until": "2126-01-01"}, "until"),
        ("acknowledge", [], "body"),
        ("acknowledge", None, "body"),
    ],
)
async def test_a_body_that_cannot_be_is_said(
    away: tuple[httpx.AsyncClient, Parts], verb: str, body: object, says: str
) -> None:
    answer = await away[0].post(_path(verb), json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]


@asynchronous
@pytest.mark.parametrize("content", [b'{"for_s": NaN}', b'{"for_s": Infinity}', b"{", b"", b"\xff"])
async def test_a_body_that_is_no_json_of_ours(away: tuple[httpx.AsyncClient, Parts], content: bytes) -> None:
    answer = await away[0].post(
        _path("acknowledge"), content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@asynchronous
async def test_a_form_that_a_page_elsewhere_could_send_is_refused(
    away: tuple[httpx.AsyncClient, Parts],
) -> None:
    answer = await away[0].post(_path("resolve"), content="{}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 422


@asynchronous
async def test_other_verbs_and_methods_are_refused(away: tuple[httpx.AsyncClient, Parts]) -> None:
    assert (await away[0].post(_path("forget"), json={})).status_code == 404
    assert (await away[0].get(_path("resolve"))).status_code == 405


@asynchronous
async def test_kafka_away_is_said_and_nothing_is_promised(away: tuple[httpx.AsyncClient, Parts]) -> None:
    for finding in (observation(), alert()):
        answer = await away[0].post(_path("resolve", finding), json={})
        assert answer.status_code == 503
        assert "does not answer" in answer.json()["detail"]


@asynchronous
async def test_before_the_topics_are_read_nothing_is_done(tmp_path: Path) -> None:
    async with within(settings(tmp_path)) as (client, _):
        assert (await client.post(_path("resolve"), json={})).status_code == 503


@asynchronous
async def test_off_loopback_a_key_must_be_allowed_to_act(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    reads, acts = ring.create("reads"), ring.create("acts", ["operate"])
    now = time.time_ns() // 1000
    async with within(settings(tmp_path, api=ApiSettings(host="0.0.0.0"))) as (client, app):
        app.state.parts.live.tail.has_caught_up = True
        app.state.parts.alerts.apply(alert_updated(alert(), dismissed_until=now + 3600 * SECOND))
        path = _path("dismiss", alert())
        assert (await client.post(path, json={})).status_code == 401
        refused = await client.post(path, json={}, headers={"Authorization": f"Bearer {reads}"})
        assert refused.status_code == 403
        assert "--scope operate" in refused.json()["hint"]
        allowed = await client.post(path, json={"by": "x\x1b"}, headers={"Authorization": f"Bearer {acts}"})
        assert (allowed.status_code, allowed.json()["already"]) == (200, True)
        assert (await client.get(path, headers={"X-API-Key": reads})).status_code == 405
