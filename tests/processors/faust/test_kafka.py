"""The worker and its log against a real Kafka."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from processors.faust.kafka_log import KafkaLog, Names
from processors.faust.log import FencedError, Outgoing, Transaction
from schemas.codec import frame
from schemas.codec.catalog import latest
from schemas.events.node_stopped import NodeStopped
from schemas.kafka import connection, ensure_topics
from schemas.registry import Registry
from schemas.settings import KafkaSettings, RegistrySettings, Settings, WorkerSettings
from schemas.topic_id import topic_ids
from schemas.topics import DEAD_LETTERS, TOPICS
from tests.fixtures.kafka import broker
from tests.fixtures.ports import free_port
from tests.fixtures.processes import wait_until
from tests.fixtures.registry import registry
from tests.processors.faust.cluster import Worker, committed, encoded, put, running_worker
from tests.processors.faust.counting import OUT, SOURCE, STATES, record

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

MOVE_S = 15.0


@pytest.fixture
def settings(kafka_settings: KafkaSettings, registry_url: str) -> Settings:
    return Settings(
        kafka=kafka_settings.model_copy(update={"partitions": 2}),
        registry=RegistrySettings(url=registry_url),
        worker=WorkerSettings(batch_records=500, session_timeout_s=6.0),
    )


async def made(settings: Settings) -> None:
    await ensure_topics(settings.kafka, [*TOPICS, SOURCE, OUT, STATES])


def log_of(settings: Settings, partition: int = 0) -> KafkaLog:
    prefix = settings.kafka.topic_prefix
    names = Names(prefix + SOURCE.name, prefix + STATES.name, prefix + "counting", partition)
    return KafkaLog(settings.kafka, names)


async def counted(settings: Settings, size: int, deadline_s: float = 30.0) -> list[int]:
    """Wait for that many answers, and return the running counts of key a."""
    registry_ = Registry(settings.registry)
    codec = await registry_.codec()
    await registry_.close()
    async with asyncio.timeout(deadline_s):
        while True:
            events = [codec.decode(each.value) for each in await committed(settings.kafka, OUT)]
            said = [each.seq for each in events if isinstance(each, NodeStopped) and each.reason == "record"]
            if len(said) >= size:
                return said
            await asyncio.sleep(0.1)


async def send(settings: Settings, numbers: Sequence[int], partition: int = 0) -> None:
    events = [(partition, "a", record("a", number)) for number in numbers]
    await put(settings.kafka, SOURCE, await encoded(settings, events))


async def test_a_new_owner_fences_the_old_and_sees_what_it_committed(settings: Settings) -> None:
    await made(settings)
    old, new = log_of(settings), log_of(settings)
    topic = settings.kafka.topic_prefix + OUT.name
    first = Transaction([Outgoing(topic, 0, b"k", b"1")], [(b"ka", b"state"), (b"m", b"marker")], 1)
    try:
        await old.open()
        await old.write(first)
        await new.open()
        with pytest.raises(FencedError):
            await old.write(first._replace(next_offset=2))
        read = [each async for records in new.changelog() for each in records]
        assert read == [(b"ka", b"state"), (b"m", b"marker")]
        assert len(await committed(settings.kafka, OUT)) == 1
    finally:
        await old.close()
        await new.close()


async def test_an_open_transaction_of_a_dead_owner_is_never_seen(settings: Settings) -> None:
    await made(settings)
    old, new = log_of(settings), log_of(settings)
    try:
        await old.open()
        await old._producer.begin_transaction()
        await old._producer.send_and_wait(settings.kafka.topic_prefix + STATES.name, b"x", b"k", partition=0)
        await new.open()
        assert [each async for records in new.changelog() for each in records] == []
    finally:
        await old.close()
        await new.close()


async def test_more_than_a_batch_fits_in_one_transaction(settings: Settings) -> None:
    await made(settings)
    log = log_of(settings)
    topic = settings.kafka.topic_prefix + OUT.name
    value = bytes(range(256)) * 200
    try:
        await log.open()
        await log.write(Transaction([Outgoing(topic, 1, b"k", value)] * 60, [(b"m", b"1")], 1))
    finally:
        await log.close()
    found = await committed(settings.kafka, OUT)
    assert [each.value for each in found] == [value] * 60
    assert {each.partition for each in found} == {1}


async def test_the_id_of_a_topic_made_again_is_another(settings: Settings) -> None:
    await made(settings)
    name = SOURCE.full_name(settings.kafka)
    before = (await topic_ids(settings.kafka, [name]))[name]
    assert (await log_of(settings).span()).topic_id == before
    await remake(settings)
    async with asyncio.timeout(30):
        while (after := (await topic_ids(settings.kafka, [name])).get(name)) is None:
            await asyncio.sleep(0.05)
    assert after != before


async def remake(settings: Settings) -> None:
    """Delete the source and make it again."""
    name = SOURCE.full_name(settings.kafka)
    admin = AIOKafkaAdminClient(**connection(settings.kafka))
    await admin.start()
    await admin.delete_topics([name])
    await admin.close()
    async with asyncio.timeout(30):
        while name in await topic_ids(settings.kafka, [name]):
            await asyncio.sleep(0.05)
    await ensure_topics(settings.kafka, [SOURCE])


async def test_after_kill_partitions_move_within_fifteen_seconds(settings: Settings, tmp_path: Path) -> None:
    await made(settings)
    await send(settings, range(10))
    workers = [running_worker(settings, tmp_path / f"{number}.log") for number in range(2)]
    try:
        await counted(settings, 10)
        wait_until(
            lambda: all(worker.log().count(" is open") >= 1 for worker in workers), what="both at work"
        )
        workers[0].kill()
        for partition in range(2):
            await send(settings, range(10, 15), partition)
        said = await counted(settings, 20, deadline_s=MOVE_S)
        assert sorted(said) == sorted([*range(1, 16), *range(1, 6)])
    finally:
        for worker in workers[1:]:
            assert worker.stop() == 0, worker.log()


async def test_stopped_in_order_and_started_again_it_goes_on(settings: Settings, tmp_path: Path) -> None:
    await made(settings)
    said = []
    for start in range(0, 15, 5):
        worker = running_worker(settings, tmp_path / "worker.log")
        await send(settings, range(start, start + 5))
        said = await counted(settings, start + 5)
        assert worker.stop() == 0, worker.log()
    assert said == list(range(1, 16))
    assert worker.log().count(", 0 records folded again") == worker.log().count(" is open")


async def test_over_a_source_made_again_the_states_go_on(settings: Settings, tmp_path: Path) -> None:
    await made(settings)
    worker = running_worker(settings, tmp_path / "worker.log")
    await send(settings, range(7))
    await counted(settings, 7)
    assert worker.stop() == 0, worker.log()
    await remake(settings)
    worker = running_worker(settings, tmp_path / "worker.log")
    await send(settings, range(3))
    try:
        assert await counted(settings, 10) == list(range(1, 11))
    finally:
        assert worker.stop() == 0, worker.log()
    assert "was made again" in worker.log()


async def test_what_cannot_be_read_is_found_in_the_dead_letters(settings: Settings, tmp_path: Path) -> None:
    await made(settings)
    (good,) = await encoded(settings, [(1, "a", record("a", 1))])
    bad = [b"", b"not framed", good[2][:-2], frame(999_999, b"x")]
    worker = running_worker(settings, tmp_path / "worker.log")
    try:
        await put(settings.kafka, SOURCE, [*((1, b"a", value) for value in bad), good])
        assert await counted(settings, 1) == [1]
        letters = await committed(settings.kafka, DEAD_LETTERS)
        assert len(letters) == len(bad)
        assert worker.metric("penstock_worker_records_total", 'outcome="dead_lettered"') == len(bad)
        assert worker.healthz == 200
    finally:
        assert worker.stop() == 0, worker.log()


async def test_a_schema_of_another_writer_is_learnt_while_the_registry_comes_back(
    settings: Settings, tmp_path: Path
) -> None:
    await made(settings)
    port = free_port()
    settings = settings.model_copy(update={"registry": RegistrySettings(url=f"http://127.0.0.1:{port}")})
    with contextlib.ExitStack() as first:
        first.enter_context(registry(tmp_path, port))
        (good,) = await encoded(settings, [(0, "a", record("a", 1))])
        other = json.loads(latest("node_stopped").text)
        other["fields"].append({"name": "newer", "type": "string", "default": ""})
        client = Registry(settings.registry)
        foreign = await client.register("penstock.NodeStopped", json.dumps(other))
        await client.close()
        worker = running_worker(settings, tmp_path / "worker.log")
    try:
        await put(settings.kafka, SOURCE, [(0, b"a", frame(foreign, good[2][5:] + b"\0"))])
        wait_until(lambda: "waiting for the schema" in worker.log(), what="the worker asking")
        with registry(tmp_path, port):
            assert await counted(settings, 1) == [1]
        assert await committed(settings.kafka, DEAD_LETTERS) == []
    finally:
        assert worker.stop() == 0, worker.log()


async def test_it_starts_before_the_registry(settings: Settings, tmp_path: Path) -> None:
    port = free_port()
    settings = settings.model_copy(update={"registry": RegistrySettings(url=f"http://127.0.0.1:{port}")})
    worker = Worker(settings, tmp_path / "worker.log")
    try:
        wait_until(lambda: worker.healthz == 503, what="unhealthy until it works")
        with registry(tmp_path, port):
            wait_until(lambda: worker.healthz == 200, what="healthy when it works")
    finally:
        assert worker.stop() == 0, worker.log()


async def test_without_kafka_it_waits_and_can_be_stopped(settings: Settings, tmp_path: Path) -> None:
    nowhere = settings.kafka.model_copy(update={"bootstrap_servers": f"127.0.0.1:{free_port()}"})
    worker = Worker(settings.model_copy(update={"kafka": nowhere}), tmp_path / "worker.log")
    wait_until(lambda: "waiting for Kafka" in worker.log(), what="the worker waiting")
    wait_until(lambda: worker.healthz == 503, what="unhealthy until it works")
    assert worker.stop() == 0, worker.log()
    assert worker.log().count("waiting for Kafka") == 1


async def test_a_port_in_use_is_named_with_its_setting(settings: Settings, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        worker = Worker(settings, tmp_path / "worker.log", port=taken.getsockname()[1])
        assert worker.process.wait(30) == 2
    assert "worker.metrics_port" in worker.log()


async def test_topics_of_different_sizes_are_refused(settings: Settings, tmp_path: Path) -> None:
    more = settings.kafka.model_copy(update={"partitions": 3})
    await ensure_topics(more, [SOURCE])
    worker = Worker(settings, tmp_path / "worker.log")
    assert worker.process.wait(30) == 2
    assert "the same number of partitions" in worker.log()


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_the_worker_outlives_the_broker(registry_url: str, tmp_path: Path) -> None:
    ports = free_port(), free_port()
    kafka = KafkaSettings(bootstrap_servers=f"127.0.0.1:{ports[0]}", partitions=2)
    settings = Settings(kafka=kafka, registry=RegistrySettings(url=registry_url))
    expected: list[int] = []
    with contextlib.ExitStack() as stack:
        for life in range(3):
            with broker(tmp_path, *ports) as process:
                await made(settings)
                if not life:
                    worker = running_worker(settings, tmp_path / "worker.log")
                    stack.callback(worker.kill)
                await send(settings, range(life * 100, life * 100 + 100))
                expected.extend(range(life * 100 + 1, life * 100 + 101))
                assert await counted(settings, len(expected), deadline_s=90) == expected
                process.kill()
                process.wait()
        assert worker.process.poll() is None, "the same process all the time"
