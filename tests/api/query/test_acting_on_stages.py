"""From a fault to an observation to an operator's action and back: the worker's own stages answer the API."""

import asyncio
import math
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from producers.simulator.engine import simulate
from producers.simulator.present import Present, shift_us
from producers.simulator.scenario.read import read_text
from schemas.codec import Codec, Event
from schemas.events.clock_tick import ClockTick
from schemas.kafka import ensure_topics
from schemas.partition import partition_of
from schemas.registry import Registry
from schemas.settings import ClickHouseSettings, KafkaSettings, RegistrySettings, Settings
from schemas.topics import NODES, TOPICS, Topic
from tests.api.running import settings, within
from tests.fixtures.ports import free_port
from tests.processors.faust.cluster import sender

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

PARTITIONS = 2
# It ends while the program still makes the node swap.
SCENARIO = """
about: A program makes one of three nodes swap.
seed: 5
duration: 12m
nodes:
  - name: node-[1-3]
    chip: rtx-4090
    gpus: 1
    cpu: ryzen-7950x
    memory: 64GB
    swap: 64GB
    runtimes:
      - kind: llamacpp
        port: 8080
        slots: 4
        models: [{name: llama-3.1-8b, quantization: q4_k_m, context: 8192}]
arrivals:
  - name: chat
    model: llama-3.1-8b
    process: {poisson: 0.5/s}
    prompt_tokens: {constant: 300}
    output_tokens: {constant: 80}
faults:
  - {kind: swap_storm, node: node-1, at: 2m, for: 10m, memory: 80GB, touches: 60MB/s}
"""


@pytest.fixture
def wanted(tmp_path: Path, kafka_settings: KafkaSettings, registry_url: str, clickhouse_url: str) -> Settings:
    return settings(
        tmp_path,
        kafka=kafka_settings.model_copy(update={"partitions": PARTITIONS}),
        registry=RegistrySettings(url=registry_url),
        clickhouse=ClickHouseSettings(url=clickhouse_url, database="default"),
    )


@pytest.fixture
def worker(wanted: Settings, tmp_path: Path) -> Iterator[None]:
    """The worker, with every stage."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    environment |= {
        "PENSTOCK_KAFKA__BOOTSTRAP_SERVERS": wanted.kafka.bootstrap_servers,
        "PENSTOCK_KAFKA__TOPIC_PREFIX": wanted.kafka.topic_prefix,
        "PENSTOCK_KAFKA__PARTITIONS": str(PARTITIONS),
        "PENSTOCK_REGISTRY__URL": wanted.registry.url,
        "PENSTOCK_WORKER__METRICS_PORT": str(free_port()),
        "PENSTOCK_DATA_DIR": str(tmp_path / "data"),
    }
    command = [sys.executable, "-m", "infra.cli.main", "worker"]
    with (tmp_path / "worker.out").open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    yield
    process.terminate()
    process.wait(30)


def facts() -> Iterator[tuple[Topic, int, str | None, Event]]:
    """What agents, a router and the clock send, in the order in which it arrives, as of now."""
    scenario = read_text(SCENARIO, "acting.yaml")
    shift = shift_us(scenario.starts_at, time.time_ns() // 1000, scenario.duration_s, math.inf)
    present = Present("acting", shift, spooled=True)
    for fact in simulate(scenario):
        key, event = present.event(fact)
        if isinstance(event, ClockTick):
            for partition in range(PARTITIONS):
                yield fact.topic, partition, None, event
        elif fact.topic is not NODES:
            yield fact.topic, partition_of(key or "", PARTITIONS), key, event


async def send(at: Settings) -> None:
    registry = Registry(at.registry)
    codec: Codec = await registry.codec()
    await registry.close()
    async with sender(at.kafka) as producer:
        waiting = []
        for topic, partition, key, event in facts():
            raw = None if key is None else key.encode()
            name = topic.full_name(at.kafka)
            waiting.append(await producer.send(name, codec.encode(event), raw, partition=partition))
        await asyncio.gather(*waiting)


@pytest_asyncio.fixture
async def api(wanted: Settings, worker: None) -> AsyncIterator[httpx.AsyncClient]:
    await ensure_topics(wanted.kafka, TOPICS)
    await send(wanted)
    async with within(wanted) as (client, _):
        yield client


async def opened(api: httpx.AsyncClient, node_id: str) -> dict[str, Any]:
    """Return the observation of a node, as soon as one is open."""
    async with asyncio.timeout(120):
        while True:
            answer = await api.get("/api/v1/observations", params={"node": node_id})
            if answer.is_success and (found := answer.json()["observations"]):
                return dict(found[0])
            await asyncio.sleep(0.2)


async def test_the_pattern_stage_does_what_operators_say(api: httpx.AsyncClient) -> None:
    found = await opened(api, "node-1")
    assert found["pattern"] == "swap_io_pressure"
    path = f"/api/v1/observations/{found['id']}"
    seen = await api.post(f"{path}/acknowledge", json={"by": "anna", "note": "looking", "for_s": 3600})
    assert seen.status_code == 200, seen.text
    assert seen.json()["observation"]["acknowledged_by"] == "anna"
    assert seen.json()["observation"]["reason"] == "operator"
    hidden = await api.post(f"{path}/dismiss", json={})
    assert (hidden.status_code, hidden.json()["observation"]["state"]) == (200, "dismissed")
    free = await api.post(f"{path}/restore", json={})
    assert (free.status_code, free.json()["observation"]["state"]) == (200, "open")
    over = await api.post(f"{path}/resolve", json={})
    assert (over.status_code, over.json()["observation"]["state"]) == (200, "resolved")
    assert (await api.post(f"{path}/resolve", json={})).status_code == 409
