"""From Kafka to the stream, the list of nodes and the metrics, on the real broker and registry."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from aiokafka import AIOKafkaProducer

from api.query.live import EVENTS
from schemas.codec import Codec
from schemas.events.observation import Observation
from schemas.kafka import connection, ensure_topics
from schemas.registry import Registry
from schemas.settings import ClickHouseSettings, KafkaSettings, RegistrySettings, Settings
from schemas.topics import ALERTS, NODE_STATES, NODES, OBSERVATIONS
from tests.api.findings import alert, alert_resolved, observation, resolved, updated
from tests.api.running import served, settings
from tests.api.states import registered, state
from tests.fixtures.kafka import broker
from tests.fixtures.ports import free_port

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


@pytest.fixture
def wanted(tmp_path: Path, kafka_settings: KafkaSettings, registry_url: str, clickhouse_url: str) -> Settings:
    return settings(
        tmp_path,
        kafka=kafka_settings,
        registry=RegistrySettings(url=registry_url),
        clickhouse=ClickHouseSettings(url=clickhouse_url, database="default"),
    )


@dataclass
class Writer:
    """Writes what the node stage and the agents write."""

    settings: Settings
    producer: AIOKafkaProducer
    codec: Codec

    async def state(self, node_id: str, seq: int, **fields: Any) -> None:
        now = time.time_ns() // 1000
        event = state(node_id, seq=seq, occurred_at=now, arrived_at=now, **fields)
        await self.raw(node_id, self.codec.encode(event))

    async def raw(self, node_id: str, value: bytes | None) -> None:
        topic = NODE_STATES.full_name(self.settings.kafka)
        await self.producer.send_and_wait(topic, value, key=node_id.encode())

    async def finding(self, event: Any) -> None:
        of_node = isinstance(event, Observation)
        topic = (OBSERVATIONS if of_node else ALERTS).full_name(self.settings.kafka)
        key = event.node_id if of_node else event.fleet
        await self.producer.send_and_wait(topic, self.codec.encode(event), key=key.encode())

    async def registered(self, node_id: str) -> None:
        event = registered(node_id, interval_s=1.0)
        topic = NODES.full_name(self.settings.kafka)
        await self.producer.send_and_wait(topic, self.codec.encode(event), key=node_id.encode())


@asynccontextmanager
async def writing(to: Settings) -> AsyncIterator[Writer]:
    await ensure_topics(to.kafka, (NODES, NODE_STATES, OBSERVATIONS, ALERTS))
    registry = Registry(to.registry)
    producer = AIOKafkaProducer(**connection(to.kafka))
    await producer.start()
    try:
        yield Writer(to, producer, await registry.codec(EVENTS))
    finally:
        await producer.stop()
        await registry.close()


@dataclass(frozen=True)
class Event:
    """One event of a stream."""

    kind: str
    id: str
    data: dict[str, Any]


async def listen(api: httpx.AsyncClient, count: int, last: str = "", **filters: str) -> list[Event]:
    """Return the next events of a new stream."""
    found: list[Event] = []
    headers = {"Last-Event-ID": last} if last else {}
    fields: dict[str, str] = {}
    async with (
        asyncio.timeout(30),
        api.stream("GET", "/api/v1/stream", params=filters, headers=headers) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if line:
                fields[name] = value
            elif "data" in fields:
                found.append(Event(fields["event"], fields.get("id", ""), orjson.loads(fields["data"])))
                fields = {}
                if len(found) == count:
                    return found
            else:
                fields = {}
    return found


async def until_ready(
    api: httpx.AsyncClient, *, ready: bool = True, deadline_s: float = 60
) -> dict[str, Any]:
    async with asyncio.timeout(deadline_s):
        while True:
            answer = await api.get("/readyz")
            if (answer.status_code == 200) is ready:
                body: dict[str, Any] = answer.json()
                return body
            await asyncio.sleep(0.1)


async def test_states_reach_the_stream_the_list_and_the_metrics(wanted: Settings) -> None:
    async with writing(wanted) as writer:
        await writer.registered("n1")
        await writer.state("n1", 1)
        await writer.state("n2", 1, fleet="f2")
        async with served(wanted) as api:
            assert (await until_ready(api))["checks"] == {"kafka": None, "clickhouse": None, "registry": None}
            nodes = {node["node_id"]: node for node in (await api.get("/api/v1/nodes")).json()["nodes"]}
            assert nodes["n1"]["up"]
            assert nodes["n1"]["power_w"] == 350.0
            assert (await api.get("/api/v1/nodes/n1")).json()["registered"]["tags"] == {"rack": "r1"}
            assert 'penstock_node_up{fleet="f2",node_id="n2"} 1.0' in (await api.get("/metrics")).text
            # Both as they are, then what comes.
            listening = asyncio.create_task(listen(api, 3))
            filtered = asyncio.create_task(listen(api, 2, node="n2"))
            await until_clients(api, 2)
            await writer.state("n2", 2, fleet="f2")
            events, only = await listening, await filtered
    assert [event.kind for event in events] == ["node-state"] * 3
    assert {event.data["node_id"] for event in events[:2]} == {"n1", "n2"}
    assert (events[2].data["node_id"], events[2].data["seq"]) == ("n2", 2)
    assert [(event.data["node_id"], event.data["seq"]) for event in only] == [("n2", 1), ("n2", 2)]
    assert events[0].id == ""
    assert events[1].id
    assert events[2].id


async def until_clients(api: httpx.AsyncClient, count: int) -> None:
    async with asyncio.timeout(20):
        while f"penstock_api_stream_clients {count}.0" not in (await api.get("/metrics")).text:
            await asyncio.sleep(0.05)


async def test_a_client_goes_on_where_it_was_even_after_a_restart(wanted: Settings) -> None:
    async with writing(wanted) as writer:
        await writer.state("n1", 1)
        async with served(wanted) as api:
            await until_ready(api)
            (first,) = await listen(api, 1)
            for seq in (2, 3):
                await writer.state("n1", seq)
            missed = await listen(api, 2, last=first.id)
        assert [event.data["seq"] for event in missed] == [2, 3]
        again = wanted.model_copy(update={"api": wanted.api.model_copy(update={"port": free_port()})})
        async with served(again) as api:
            await until_ready(api)
            assert [event.data["seq"] for event in await listen(api, 2, last=first.id)] == [2, 3]
            await writer.state("n1", 4)
            assert [event.data["seq"] for event in await listen(api, 1, last=missed[-1].id)] == [4]


async def test_a_stream_of_findings_goes_on_in_every_topic_after_a_restart(wanted: Settings) -> None:
    topics = "observations,alerts"
    opened, raised = observation(), alert()
    async with writing(wanted) as writer:
        await writer.finding(observation("over"))
        await writer.finding(resolved(observation("over")))
        await writer.finding(opened)
        await writer.finding(raised)
        async with served(wanted) as api:
            first = await listen(api, 2, topics=topics)
            listed = (await api.get("/api/v1/observations")).json()["observations"]
            filtered = await listen(api, 1, topics="node-states,alerts", node="n1")
        assert {(event.kind, event.data["id"]) for event in first} == {
            ("observation", opened.observation_id),
            ("alert", raised.alert_id),
        }
        assert [one["id"] for one in listed] == [opened.observation_id]
        assert filtered[0].kind == "alert"
        await writer.finding(updated(opened, severity="critical"))
        await writer.finding(alert_resolved(raised))
        again = wanted.model_copy(update={"api": wanted.api.model_copy(update={"port": free_port()})})
        async with served(again) as api:
            missed = await listen(api, 2, last=first[-1].id, topics=topics)
            assert {(event.kind, event.data["change"]) for event in missed} == {
                ("observation", "updated"),
                ("alert", "resolved"),
            }
            more = asyncio.create_task(listen(api, 1, last=missed[-1].id, topics=topics))
            await until_clients(api, 1)
            await writer.finding(resolved(updated(opened)))
            assert [event.data["state"] for event in await more] == ["resolved"]


async def test_unreadable_records_stop_nothing(wanted: Settings) -> None:
    async with writing(wanted) as writer:
        await writer.raw("n1", b"")
        await writer.raw("n1", b"\x00\xff\xff\xff\xffxx")
        await writer.raw("n1", writer.codec.encode(state())[:-3])
        await writer.state("n1", 1)
        await writer.state("gone", 1)
        await writer.raw("gone", None)
        async with served(wanted) as api:
            await until_ready(api)
            nodes = [node["node_id"] for node in (await api.get("/api/v1/nodes")).json()["nodes"]]
            text = (await api.get("/metrics")).text
    assert nodes == ["n1"]
    assert 'penstock_api_records_total{outcome="unreadable"} 3.0' in text


async def test_kafka_away_is_said_and_its_return_is_noticed(wanted: Settings, tmp_path: Path) -> None:
    port, controller = free_port(), free_port()
    kafka = KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}")
    own = wanted.model_copy(update={"kafka": kafka})
    folder = tmp_path / "broker"
    folder.mkdir()
    async with served(own) as api:
        with broker(folder, port, controller):
            async with writing(own) as writer:
                await writer.state("n1", 1)
            await until_ready(api)
        away = await until_ready(api, ready=False)
        assert away["checks"]["kafka"]
        assert away["checks"]["clickhouse"] is None
        # What is known stays known.
        assert (await api.get("/api/v1/nodes/n1")).status_code == 200
        with broker(folder, port, controller):
            async with writing(own) as writer:
                await writer.state("n1", 2)
            await until_ready(api)
            async with asyncio.timeout(60):
                while (await api.get("/api/v1/nodes/n1")).json()["state"]["seq"] != 2:
                    await asyncio.sleep(0.1)
