"""Kafka as a source: ranges of time, marks of transactions, what has expired."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from processors.replay.source import FOREVER
from processors.replay.sources.kafka import KafkaSource
from schemas.errors import UnavailableError
from schemas.kafka import connection, ensure_topics
from schemas.settings import KafkaSettings, Settings
from schemas.topics import PANES, TELEMETRY
from tests.fixtures.processes import wait_until

pytestmark = pytest.mark.integration
TOPICS = (TELEMETRY, PANES)


@pytest.fixture
def settings(kafka_settings: KafkaSettings) -> Settings:
    kafka = kafka_settings.model_copy(update={"partitions": 2})
    asyncio.run(ensure_topics(kafka, TOPICS))
    return Settings(kafka=kafka)


@asynccontextmanager
async def producer(settings: Settings, **options: Any) -> AsyncIterator[Any]:
    found = AIOKafkaProducer(**connection(settings.kafka), **options)
    await found.start()
    try:
        yield found
    finally:
        await found.stop()


def next_millisecond() -> int:
    """Return a time, µs, that is past and after all that has been sent: Kafka's times are milliseconds."""
    until = time.time_ns() // 1_000_000 * 1000 + 2000
    wait_until(lambda: time.time_ns() // 1000 > until, what="two milliseconds")
    return until


async def send(settings: Settings, values: list[tuple[int, str | None, bytes]]) -> None:
    name = TELEMETRY.full_name(settings.kafka)
    async with producer(settings) as sender:
        for partition, key, value in values:
            raw = None if key is None else key.encode()
            await sender.send_and_wait(name, value, raw, partition=partition)


async def in_transactions(settings: Settings, values: list[bytes]) -> None:
    name = PANES.full_name(settings.kafka)
    async with producer(settings, transactional_id=f"{settings.kafka.topic_prefix}panes") as sender:
        for value in values:
            async with sender.transaction():
                await sender.send(name, value, b"a", partition=0)
        await sender.begin_transaction()
        await sender.send(name, b"given up", b"a", partition=0)
        await sender.abort_transaction()


async def expire(settings: Settings, before: int) -> None:
    admin = AIOKafkaAdminClient(**connection(settings.kafka))
    await admin.start()
    try:
        place = TopicPartition(TELEMETRY.full_name(settings.kafka), 0)
        await admin.delete_records({place: RecordsToDelete(before)})
    finally:
        await admin.close()


def test_ranges_partitions_and_keys(settings: Settings) -> None:
    source = KafkaSource(settings)
    assert source.holds(TOPICS) == {}
    asyncio.run(send(settings, [(0, "a", b"1"), (1, "b", b"2"), (0, None, b"3")]))
    until = next_millisecond()
    asyncio.run(send(settings, [(0, "a", b"4"), (1, "b", b"5")]))
    asyncio.run(in_transactions(settings, [b"x", b"y"]))
    held = source.holds(TOPICS)
    assert set(held) == {"telemetry", "panes"}
    assert held["telemetry"].partitions == 2
    assert held["telemetry"].first_at < until < held["telemetry"].last_at
    whole = list(source.read(TOPICS, 0, FOREVER))
    assert {one.value for one in whole} == {b"1", b"2", b"3", b"4", b"5", b"x", b"y"}
    places = [(one.arrived_at, one.topic, one.partition, one.offset) for one in whole]
    assert places == sorted(places)
    # Between partitions the broker's milliseconds decide, which may be the same.
    assert sorted(one.value for one in source.read(TOPICS, 0, until)) == [b"1", b"2", b"3"]
    later = list(source.read([TELEMETRY], until, FOREVER))
    assert sorted(one.value for one in later) == [b"4", b"5"]
    assert [one.value for one in source.read([TELEMETRY], 0, FOREVER, keys=["a"])] == [b"1", b"3", b"4"]
    assert [one.value for one in source.read([TELEMETRY], 0, FOREVER, partitions=[1])] == [b"2", b"5"]
    assert source.gaps() == ()

    asyncio.run(expire(settings, 2))
    expired = KafkaSource(settings)
    expired.holds(TOPICS)
    (gap,) = expired.gaps()
    assert (gap.topic, gap.partition, gap.first_offset, gap.last_offset) == ("telemetry", 0, 0, 1)
    assert "expired" in gap.why
    assert {one.value for one in expired.read([TELEMETRY], 0, FOREVER)} == {b"2", b"3", b"4", b"5"} - {b"3"}


def test_kafka_that_is_away_is_said(unused_address: str) -> None:
    source = KafkaSource(Settings(kafka=KafkaSettings(bootstrap_servers=unused_address)))
    with pytest.raises(UnavailableError, match=r"setting kafka\.bootstrap_servers"):
        source.holds(TOPICS)


@pytest.fixture
def unused_address() -> str:
    from tests.fixtures.ports import free_port

    return f"127.0.0.1:{free_port()}"
