"""Rules and channels on the real topics: what is written, where, and who wins."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from api.notify import examples
from api.notify.documents import CHANNEL, RULE, Document, Documents, Wanted
from api.problem import Problem
from schemas.errors import UnavailableError
from schemas.kafka import ensure_topics
from schemas.registry import Registry
from schemas.settings import KafkaSettings, RegistrySettings, Settings
from schemas.topics import CHANNELS, RULES, TELEMETRY, Topic
from tests.api.running import settings, within
from tests.chaos.verify import read

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="function")]


@pytest_asyncio.fixture
async def wanted(kafka_settings: KafkaSettings, registry_url: str, tmp_path: Path) -> Settings:
    made = settings(tmp_path, kafka=kafka_settings, registry=RegistrySettings(url=registry_url))
    await ensure_topics(made.kafka, (RULES, CHANNELS, TELEMETRY))
    return made


@pytest_asyncio.fixture
async def api(wanted: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with within(wanted) as (client, _):
        yield client


async def written(at: Settings, topic: Topic) -> list[tuple[int, bytes | None, Any]]:
    registry = Registry(at.registry)
    codec = await registry.codec()
    await registry.close()
    return [(each.partition, each.key, codec.decode(each.value)) for each in await read(at, topic)]


async def test_a_rule_goes_to_its_topic_and_to_every_partition_of_the_facts(
    wanted: Settings, api: httpx.AsyncClient
) -> None:
    made = await api.post("/api/v1/rules", json=examples.HOT)
    assert made.status_code == 201, made.text
    assert made.json()["revision"] == 1
    assert made.json()["warnings"] == ["there is no channel on-call: nothing is sent there until there is"]
    ((_, key, fact),) = await written(wanted, RULES)
    assert (key, fact.rule_id, fact.revision, fact.deleted) == (b"gpu-hot", "gpu-hot", 1, False)
    copies = await written(wanted, TELEMETRY)
    assert [(place, key) for place, key, _ in copies] == [
        (place, None) for place in range(wanted.kafka.partitions)
    ]
    assert {each for *_, each in copies} == {fact}


async def test_a_rule_through_its_life(api: httpx.AsyncClient) -> None:
    path = "/api/v1/rules/gpu-hot"
    assert (await api.get(path)).status_code == 404
    await api.post("/api/v1/rules", json=examples.HOT)
    again = await api.post("/api/v1/rules", json=examples.HOT)
    assert (again.status_code, again.json()["type"]) == (409, "urn:penstock:problem:rule-exists")
    hotter = {**examples.HOT, "when": {**examples.HOT["when"], "value": 95}}
    late = await api.put(f"{path}?revision=7", json=hotter)
    assert (late.status_code, late.json()["revision"]) == (409, 1)
    changed = await api.put(f"{path}?revision=1", json=hotter)
    assert (changed.status_code, changed.json()["revision"]) == (200, 2)
    same = await api.put(path, json=hotter)
    assert (same.status_code, same.json()["revision"]) == (200, 2)
    assert (await api.get(path)).json()["rule"]["when"]["value"] == 95
    gone = await api.delete(path)
    assert gone.json() == {"id": "gpu-hot", "revision": 3, "deleted": True}
    assert (await api.get("/api/v1/rules")).json() == {"rules": []}
    assert (await api.delete(path)).status_code == 404
    # The one that comes again is newer than the deletion: the stages take it for a change.
    assert (await api.post("/api/v1/rules", json=examples.HOT)).json()["revision"] == 4


async def test_a_set_of_rules_is_applied_in_one_go(wanted: Settings, api: httpx.AsyncClient) -> None:
    old = {**examples.OFFLINE, "id": "old"}
    await api.post("/api/v1/rules", json=old)
    await api.post("/api/v1/rules", json=examples.HOT)
    hotter = {**examples.HOT, "for_s": 120}
    body = {"rules": [hotter, examples.OFFLINE], "prune": True}
    dry = (await api.post("/api/v1/rules/apply", json={**body, "dry_run": True})).json()
    assert [(each["id"], each["change"]) for each in dry["changes"]] == [
        ("gpu-hot", "changed"),
        ("offline", "created"),
        ("old", "deleted"),
    ]
    assert dry["changes"][0]["fields"] == [{"field": "for_s", "before": 60.0, "after": 120.0}]
    assert len(await written(wanted, RULES)) == 2
    done = (await api.post("/api/v1/rules/apply", json=body)).json()
    assert (done["changes"], done["unchanged"]) == (dry["changes"], 0)
    again = (await api.post("/api/v1/rules/apply", json=body)).json()
    assert (again["changes"], again["unchanged"]) == ([], 2)
    rules = (await api.get("/api/v1/rules")).json()["rules"]
    assert [each["rule"]["id"] for each in rules] == ["gpu-hot", "offline"]
    twice = await api.post("/api/v1/rules/apply", json={"rules": [hotter, hotter]})
    assert (twice.status_code, twice.json()["detail"]) == (422, "the rule gpu-hot is there twice")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"when": {"field": "gpu.temprature_c", "op": ">", "value": 1}}, "no field gpu.temprature_c"),
        ({"when": {"field": "wes", "op": "<", "value": "low"}}, "number"),
        ({"when": {"field": "wes", "op": "<", "value": float("nan")}}, ""),
        ({"colour": "red"}, "colour"),
        ({"message": "{node.__class__}"}, "there is no {node.__class__}"),
    ],
)
async def test_a_wrong_rule_is_refused_with_the_place(
    api: httpx.AsyncClient, change: Mapping[str, Any], said: str
) -> None:
    body = json.dumps({**examples.HOT, **change})
    answer = await api.post("/api/v1/rules", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.text


async def test_a_channel_through_its_life(wanted: Settings, api: httpx.AsyncClient) -> None:
    made = await api.post("/api/v1/channels", json=examples.HOOK)
    assert made.status_code == 201, made.text
    secret = made.json()["secrets"]["secret"]
    assert secret.startswith("whsec_")
    assert "no rule sends to it yet" in made.json()["warnings"]
    shown = (await api.get("/api/v1/channels")).json()["channels"]
    assert [each["channel"]["settings"]["secret"] for each in shown] == [{"set": True}]
    kept = {**shown[0]["channel"], "name": "On call"}
    changed = await api.put("/api/v1/channels/on-call?revision=1", json=kept)
    assert (changed.status_code, changed.json()["secrets"]) == (200, {}), changed.text
    assert (await api.post("/api/v1/channels", json=examples.HOOK)).status_code == 409
    elsewhere = {
        **kept,
        "settings": {**kept["settings"], "url": "https://else.example", "secret": "nonsense"},
    }
    assert (await api.put("/api/v1/channels/on-call", json=elsewhere)).status_code == 200
    assert (await api.delete("/api/v1/channels/on-call")).json()["deleted"]
    assert (await api.get("/api/v1/channels/on-call")).status_code == 404
    # Kafka has it only encrypted.
    for record in await read(wanted, CHANNELS):
        assert secret.removeprefix("whsec_").encode() not in (record.value or b"")


async def test_a_channel_that_cannot_be_reached_says_so(api: httpx.AsyncClient) -> None:
    inside = {**examples.HOOK, "settings": {"url": "http://127.0.0.1:9/x"}}
    made = await api.post("/api/v1/channels", json=inside)
    assert made.status_code == 201
    assert any("nothing can be sent" in each for each in made.json()["warnings"]), made.text
    tried = await api.post("/api/v1/channels/on-call/test")
    assert tried.json()["verdict"] == "refused"
    assert (await api.post("/api/v1/channels/nobody/test")).status_code == 404


async def test_of_two_writers_at_once_none_is_lost(wanted: Settings) -> None:
    first, second = Documents(wanted), Documents(wanted)

    async def add(writer: Documents, name: str) -> bool:
        text = json.dumps({**examples.HOOK, "id": name})
        try:
            await writer.change(CHANNEL, "x", lambda now: [Wanted(name, text)])
        except UnavailableError as exc:
            said.append(str(exc))
            return False
        return True

    done: list[str] = []
    said: list[str] = []
    for round_ in range(3):
        names = [f"a{round_}", f"b{round_}"]
        came = await asyncio.gather(
            *(add(each, name) for each, name in zip((first, second), names, strict=True))
        )
        done += [name for name, ok in zip(names, came, strict=True) if ok]
    assert done
    assert all("another process" in each for each in said), said
    assert sorted(await first.read(CHANNEL)) == sorted(done)


async def test_what_is_refused_in_the_middle_writes_nothing(wanted: Settings) -> None:
    documents = Documents(wanted)

    def refuse(now: Mapping[str, Document]) -> Sequence[Wanted]:
        raise Problem(409, "rule-changed", "no")

    with pytest.raises(Problem):
        await documents.change(RULE, "x", refuse)
    assert await documents.read(RULE) == {}


async def test_an_api_that_starts_tells_the_stages_all_rules_again(wanted: Settings) -> None:
    documents = Documents(wanted)
    text = json.dumps(examples.HOT)
    await documents.change(RULE, "x", lambda _: [Wanted("gpu-hot", text), Wanted("old", text)])
    await documents.change(RULE, "x", lambda _: [Wanted("old", "")])
    before = await written(wanted, TELEMETRY)
    copies = 2 * wanted.kafka.partitions
    async with within(wanted), asyncio.timeout(30):
        while len(await written(wanted, TELEMETRY)) < len(before) + copies:
            await asyncio.sleep(0.05)
    told = Counter(
        (place, fact.rule_id, fact.revision, fact.deleted)
        for place, _, fact in await written(wanted, TELEMETRY)
    )
    told.subtract((place, fact.rule_id, fact.revision, fact.deleted) for place, _, fact in before)
    assert +told == Counter(
        (place, *each)
        for place in range(wanted.kafka.partitions)
        for each in (("gpu-hot", 1, False), ("old", 2, True))
    )
    assert len(await written(wanted, RULES)) == 3


async def test_without_kafka_it_is_said(tmp_path: Path) -> None:
    async with within(settings(tmp_path)) as (client, _):
        answer = await client.get("/api/v1/rules")
        assert answer.status_code == 503
        assert (await client.post("/api/v1/rules", json=examples.HOT)).status_code == 503
