"""A scenario into a real Kafka: in order, of now, and with a word from each node at the end."""

import asyncio
import itertools
import math
import time
from pathlib import Path

import pytest

from producers.simulator.live import send
from schemas.errors import ConfigError, UnavailableError
from schemas.events.node_stopped import NodeStopped
from schemas.events.request_finished import RequestFinished
from schemas.settings import KafkaSettings, RegistrySettings, Settings
from schemas.topics import NODES, REQUESTS, TELEMETRY
from tests.fixtures.ports import free_port
from tests.producers.reading import read_until, samples
from tests.producers.simulator.facts import facts
from tests.producers.simulator.scenario.texts import sound
from tests.samples import T0

SCENARIO = sound("seed: 7", "starts_at: 2025-11-21T04:40:00Z")
assert SCENARIO.starts_at == T0


def nothing(_seconds: float, _facts: int) -> None:
    """Report to nobody."""


def settings(kafka: KafkaSettings, registry_url: str, folder: Path) -> Settings:
    return Settings(kafka=kafka, registry=RegistrySettings(url=registry_url), data_dir=folder)


@pytest.mark.integration
@pytest.mark.asyncio
@pytest.mark.parametrize("speed", [1.0, 50.0])
async def test_facts_are_of_now(
    speed: float, kafka_settings: KafkaSettings, registry_url: str, tmp_path: Path
) -> None:
    chosen = settings(kafka_settings, registry_url, tmp_path)
    began_us = time.time_ns() // 1000
    sent = await send(SCENARIO, facts(5), chosen, speed=speed, report=nothing)
    assert (sent.seconds, sent.statistics.dropped, sent.statistics.waiting) == (4, 0, 0)

    telemetry = await read_until(chosen.kafka, chosen.registry, TELEMETRY, lambda found: len(found) >= 6)
    found = samples(telemetry)
    gaps = [later.occurred_at - one.occurred_at for one, later in itertools.pairwise(found)]
    assert gaps == [1_000_000] * 4
    lag_us = began_us - found[0].occurred_at
    past_us = SCENARIO.duration_s * (1 - 1 / speed) * 1e6
    assert past_us - 60e6 < lag_us <= past_us
    assert {sample.spooled for sample in found} == {speed > 1}

    stopped = telemetry[-1]
    assert isinstance(stopped, NodeStopped)
    assert (stopped.node_id, stopped.boot_id, stopped.seq) == ("n1", found[0].boot_id, 4)
    nodes = await read_until(chosen.kafka, chosen.registry, NODES, lambda events: len(events) >= 1)
    assert nodes == [stopped]
    requests = await read_until(
        chosen.kafka,
        chosen.registry,
        REQUESTS,
        lambda events: any(isinstance(e, RequestFinished) for e in events),
    )
    ids = {getattr(event, "request_id", "") for event in requests} - {""}
    assert len(ids) == 1
    assert ids != {"r1"}


@pytest.mark.integration
@pytest.mark.asyncio
async def test_who_stops_it_stops_the_nodes(
    kafka_settings: KafkaSettings, registry_url: str, tmp_path: Path
) -> None:
    chosen = settings(kafka_settings, registry_url, tmp_path)
    told = asyncio.Event()

    def report(_seconds: float, count: int) -> None:
        if count >= 3:
            told.set()

    task = asyncio.create_task(send(SCENARIO, facts(3600), chosen, speed=1, report=report))
    async with asyncio.timeout(60):
        await told.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    nodes = await read_until(chosen.kafka, chosen.registry, NODES, lambda events: len(events) >= 1)
    assert [type(event) for event in nodes] == [NodeStopped]


@pytest.mark.asyncio
async def test_without_kafka_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producers.simulator.live.CONNECT_S", 0.2)
    kafka = KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}")
    chosen = settings(kafka, f"http://127.0.0.1:{free_port()}", tmp_path)
    with pytest.raises(UnavailableError, match="start them with penstock up"):
        await send(SCENARIO, facts(5), chosen, speed=1, report=nothing)


@pytest.mark.asyncio
async def test_what_would_begin_too_long_ago(tmp_path: Path) -> None:
    long = sound("duration: 60m", "duration: 14d")
    with pytest.raises(ConfigError, match="choose a lower speed"):
        await send(long, facts(5), Settings(data_dir=tmp_path), speed=math.inf, report=nothing)
