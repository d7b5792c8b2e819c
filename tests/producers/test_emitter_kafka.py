"""The emitter against a real broker that is killed, stopped and restarted under it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from producers.connector import quiet_client
from producers.emitter import Emitter
from producers.link import Link
from producers.patience import Patience
from schemas.events.clock_tick import ClockTick
from schemas.settings import KafkaSettings, RegistrySettings
from schemas.topics import TELEMETRY
from tests.fixtures.kafka import broker
from tests.fixtures.ports import free_port
from tests.producers.reading import first_arrivals, read_until, samples
from tests.producers.registry_server import RegistryServer, serve, until
from tests.samples import sample, tick

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

BRISK = Patience(hold_s=0.5, delivery_s=2.0, poll_s=0.1, first_retry_s=0.1, last_retry_s=0.5)
# Where a test looks at what was not spooled: a busy machine must not look like an outage.
CALM = Patience(hold_s=0.5, delivery_s=15.0, poll_s=0.1, first_retry_s=0.1, last_retry_s=0.5)
quiet_client("info")


@asynccontextmanager
async def registry_at(port: int, away: bool = False) -> AsyncIterator[RegistryServer]:
    server = RegistryServer(away=away)
    runner = await serve(server.app(), port)
    try:
        yield server
    finally:
        await runner.cleanup()


def emitter(
    folder: Path, kafka: KafkaSettings, registry: RegistrySettings, patience: Patience = BRISK
) -> Emitter:
    return Emitter(kafka, registry, topics=[TELEMETRY], spool=folder, spool_bytes=64 << 20, patience=patience)


async def test_facts_arrive_in_order_and_unmarked(kafka_settings: KafkaSettings, tmp_path: Path) -> None:
    port = free_port()
    registry = RegistrySettings(url=f"http://127.0.0.1:{port}")
    async with registry_at(port):
        one = emitter(tmp_path, kafka_settings, registry, CALM)
        await one.start()
        await until(lambda: one.statistics.connected)
        for seq in range(500):
            one.emit(TELEMETRY, "node-1", sample(seq))
        await until(lambda: one.statistics.delivered == 500)
        await one.stop()
        found = await read_until(kafka_settings, registry, TELEMETRY, lambda all_: len(all_) >= 500)
    assert [(each.seq, each.spooled) for each in samples(found)] == [(seq, False) for seq in range(500)]


async def test_a_registry_that_is_away_at_the_start_costs_nothing(
    kafka_settings: KafkaSettings, tmp_path: Path
) -> None:
    port = free_port()
    registry = RegistrySettings(url=f"http://127.0.0.1:{port}")
    async with registry_at(port, away=True) as server:
        one = emitter(tmp_path, kafka_settings, registry, CALM)
        await one.start()
        one.emit(TELEMETRY, "node-1", sample(0))
        await until(lambda: one.statistics.spool_records == 1 and server.asked > 1)
        server.away = False
        await until(lambda: one.statistics.delivered == 1)
        one.emit(TELEMETRY, "node-1", sample(1))
        await until(lambda: one.statistics.delivered == 2)
        await one.stop()
        found = await read_until(kafka_settings, registry, TELEMETRY, lambda all_: len(all_) >= 2)
    assert [(each.seq, each.spooled) for each in samples(found)] == [(0, True), (1, False)]


async def test_what_an_earlier_run_spooled_goes_first(kafka_settings: KafkaSettings, tmp_path: Path) -> None:
    port = free_port()
    registry = RegistrySettings(url=f"http://127.0.0.1:{port}")
    nowhere = KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}")
    earlier = emitter(tmp_path, nowhere, registry)
    await earlier.start()
    for seq in range(3):
        earlier.emit(TELEMETRY, "node-1", sample(seq, boot_id="boot-earlier"))
    await earlier.stop()
    async with registry_at(port):
        one = emitter(tmp_path, kafka_settings, registry)
        await one.start()
        one.emit(TELEMETRY, "node-1", sample(0))
        await until(lambda: one.statistics.delivered == 4)
        await one.stop()
        found = await read_until(kafka_settings, registry, TELEMETRY, lambda all_: len(all_) >= 4)
    seen = [(each.boot_id, each.seq) for each in samples(found)]
    assert seen == [("boot-earlier", 0), ("boot-earlier", 1), ("boot-earlier", 2), ("boot-a", 0)]


async def test_a_record_that_is_too_large_stops_no_other(
    kafka_settings: KafkaSettings, tmp_path: Path
) -> None:
    port = free_port()
    registry = RegistrySettings(url=f"http://127.0.0.1:{port}")
    async with registry_at(port):
        one = emitter(tmp_path, kafka_settings, registry)
        await one.start()
        await until(lambda: one.statistics.connected)
        one.emit(TELEMETRY, "node-1", sample(0))
        one.emit(TELEMETRY, "node-1", sample(1, fleet="x" * (2 << 20)))
        one.emit(TELEMETRY, "node-1", sample(2))
        await until(lambda: one.statistics.delivered == 2)
        assert one.statistics.refused == 1
        await one.stop()
        found = await read_until(kafka_settings, registry, TELEMETRY, lambda all_: len(all_) >= 2)
    assert [each.seq for each in samples(found)] == [0, 2]


async def emit_from(one: Emitter, first: int, count: int) -> int:
    for seq in range(first, first + count):
        one.emit(TELEMETRY, "node-1", sample(seq))
        await asyncio.sleep(0.005)
    return first + count


async def test_a_broker_that_is_killed_and_comes_back_misses_nothing(tmp_path: Path) -> None:
    kafka_port, port = free_port(), free_port()
    kafka = KafkaSettings(bootstrap_servers=f"127.0.0.1:{kafka_port}")
    registry = RegistrySettings(url=f"http://127.0.0.1:{port}")
    async with registry_at(port):
        one = emitter(tmp_path / "spool", kafka, registry, CALM)
        await one.start()
        with broker(tmp_path, kafka_port) as process:
            await until(lambda: one.statistics.connected)
            seq = await emit_from(one, 0, 100)
            await until(lambda: one.statistics.delivered >= 100)
            process.kill()
        seq = await emit_from(one, seq, 100)
        await until(lambda: one.statistics.spool_records >= 100)
        with broker(tmp_path, kafka_port):
            seq = await emit_from(one, seq, 100)
            await until(lambda: one.statistics.spool_records + one.statistics.waiting == 0)
            seq = await emit_from(one, seq, 50)
            await until(lambda: one.statistics.waiting == 0)
            await one.stop()
            found = await read_until(
                kafka, registry, TELEMETRY, lambda all_: len(first_arrivals(all_)) >= seq
            )
    arrived = first_arrivals(found)
    assert [each.seq for each in arrived] == list(range(350)), "every one, in order"
    marked = {each.seq for each in arrived if each.spooled}
    assert set(range(100, 200)) <= marked
    assert not marked & {*range(100), *range(300, 350)}
    assert (one.statistics.dropped, one.statistics.refused) == (0, 0)


async def test_a_broker_that_accepts_and_never_answers_misses_nothing(tmp_path: Path) -> None:
    kafka_port, port = free_port(), free_port()
    kafka = KafkaSettings(bootstrap_servers=f"127.0.0.1:{kafka_port}")
    registry = RegistrySettings(url=f"http://127.0.0.1:{port}")
    async with registry_at(port):
        one = emitter(tmp_path / "spool", kafka, registry)
        with broker(tmp_path, kafka_port) as process:
            await one.start()
            seq = await emit_from(one, 0, 50)
            await until(lambda: one.statistics.delivered >= 50)
            frozen = [
                process.pid,
                *(each.pid for each in psutil.Process(process.pid).children(recursive=True)),
            ]
            for pid in frozen:
                os.kill(pid, signal.SIGSTOP)
            seq = await emit_from(one, seq, 50)
            await until(lambda: one.statistics.spool_records > 0)
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
            seq = await emit_from(one, seq, 50)
            await until(lambda: one.statistics.spool_records + one.statistics.waiting == 0)
            await one.stop()
            found = await read_until(
                kafka, registry, TELEMETRY, lambda all_: len(first_arrivals(all_)) >= seq
            )
    assert [each.seq for each in first_arrivals(found)] == list(range(150))


async def test_a_closed_link_leaves_no_task_behind(kafka_settings: KafkaSettings) -> None:
    before = asyncio.all_tasks()
    link = await Link.open(kafka_settings, [TELEMETRY])
    acknowledged = await link.send(TELEMETRY, b"x", key="node-1")
    await acknowledged
    await link.close()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_a_tick_is_a_fact_like_any(kafka_settings: KafkaSettings, tmp_path: Path) -> None:
    port = free_port()
    registry = RegistrySettings(url=f"http://127.0.0.1:{port}")
    async with registry_at(port):
        one = emitter(tmp_path, kafka_settings, registry)
        await one.start()
        one.emit(TELEMETRY, "clock", tick(5))
        await until(lambda: one.statistics.delivered == 1)
        await one.stop()
        (found,) = await read_until(kafka_settings, registry, TELEMETRY, lambda all_: len(all_) >= 1)
    assert isinstance(found, ClockTick)
