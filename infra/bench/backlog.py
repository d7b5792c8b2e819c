"""Facts of a log file as a backlog in ``event_log`` and Kafka, and how long the live worker takes for it."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError

from infra.bench.stack import penstock
from processors.replay.facts import BY_NAME
from processors.replay.source import FOREVER, Source
from processors.replay.sources.log_file import LogFileSource
from schemas.codec import Codec
from schemas.errors import RefusedError, UnavailableError
from schemas.kafka import connection, ensure_topics
from schemas.log_file import LogRecord
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.topics import ALERTS, REQUESTS, TELEMETRY
from sinks.clickhouse import event_log
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store

INSERTED = 50_000
LIVE_S = 600.0
# Asking costs the broker, which the worker needs.
POLL_S = 0.5


async def stored(settings: Settings, path: Path) -> None:
    """Put the facts into ``event_log`` as the sink does, and into Kafka's topics for the worker."""
    registry, store = Registry(settings.registry), Store(settings)
    try:
        codec = await registry.codec_when_up()
        await migrate(store, settings.clickhouse)
        await _backlogged(settings)
        await ensure_topics(settings.kafka)
        await _into_event_log(settings, store, codec, LogFileSource(path))
        await _into_kafka(settings, codec, LogFileSource(path))
    finally:
        await store.close()
        await registry.close()


async def _backlogged(settings: Settings) -> None:
    """Make the topics of facts as a backlog has them: with the times at which they arrived, which are past.

    With the times of now, hours would pass within seconds, and requests seem to have been open throughout.
    """
    admin = AIOKafkaAdminClient(**connection(settings.kafka))
    await admin.start()
    try:
        kept = {"message.timestamp.type": "CreateTime"}
        made = await admin.create_topics(
            [
                NewTopic(topic.full_name(settings.kafka), topic.partitions(settings.kafka), 1, None, kept)
                for topic in (TELEMETRY, REQUESTS)
            ]
        )
    finally:
        await admin.close()
    if any(code for _, code, *_ in made.topic_errors):
        raise RefusedError(f"Kafka does not create the topics of facts: {made.topic_errors}")


class _Sent(NamedTuple):
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes


def _sent(record: LogRecord, codec: Codec, file: Codec) -> _Sent:
    key = None if record.key is None else record.key.encode()
    value = codec.encode(file.decode(record.value))
    return _Sent(record.partition, record.offset, record.arrived_at // 1000, key, value)


async def _into_event_log(settings: Settings, store: Store, codec: Codec, file: Source) -> None:
    theirs = file.codec()
    for topic in (TELEMETRY, REQUESTS):
        name, waiting = topic.full_name(settings.kafka), []
        for record in file.read([topic], 0, FOREVER):
            waiting.append(_sent(record, codec, theirs))
            if len(waiting) == INSERTED:
                rows, waiting = event_log.rows(name, waiting), []
                await store.insert(event_log.TABLE, event_log.COLUMNS, "RowBinary", rows)
        await store.insert(event_log.TABLE, event_log.COLUMNS, "RowBinary", event_log.rows(name, waiting))


async def _into_kafka(settings: Settings, codec: Codec, file: Source) -> None:
    theirs = file.codec()
    producer = AIOKafkaProducer(**connection(settings.kafka), compression_type="lz4", linger_ms=20)
    await producer.start()
    try:
        for record in file.read((TELEMETRY, REQUESTS), 0, FOREVER):
            sent = _sent(record, codec, theirs)
            name = BY_NAME[record.topic].full_name(settings.kafka)
            await producer.send(
                name, sent.value, sent.key, partition=sent.partition, timestamp_ms=sent.timestamp
            )
    finally:
        await producer.stop()


def live_s(settings: Settings, path: Path) -> float:
    """Return how long a worker takes, from when it has committed its first batch until all has passed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    environment |= {
        "PENSTOCK_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "PENSTOCK_KAFKA__PARTITIONS": str(settings.kafka.partitions),
        "PENSTOCK_REGISTRY__URL": settings.registry.url,
        "PENSTOCK_WORKER__METRICS_PORT": str(settings.worker.metrics_port),
        "PENSTOCK_DATA_DIR": str(path.parent),
        "PENSTOCK_LOG__LEVEL": "error",
    }
    ticks = sum(record.key is None for record in LogFileSource(path).read([TELEMETRY], 0, FOREVER))
    with penstock(["worker"], environment):
        return asyncio.run(_followed(settings, ticks))


async def _followed(settings: Settings, ticks: int) -> float:
    """Return the seconds from the node stage's first commit until every tick has passed all stages.

    Each of ``ticks`` ends as a watermark behind the fleet stage, when all before it has been said.

    Raises:
        UnavailableError: it takes longer than ``LIVE_S``.
    """
    admin = AIOKafkaAdminClient(**connection(settings.kafka))
    consumer = AIOKafkaConsumer(**connection(settings.kafka), isolation_level="read_committed")
    await admin.start()
    await consumer.start()
    try:
        async with asyncio.timeout(LIVE_S):
            while not await _committed(admin, settings, "node-stage"):
                await asyncio.sleep(POLL_S)
            began_s = time.perf_counter()
            place = TopicPartition(ALERTS.full_name(settings.kafka), 0)
            while (await consumer.end_offsets([place]))[place] < ticks:
                await asyncio.sleep(POLL_S)
            return time.perf_counter() - began_s
    except TimeoutError as exc:
        raise UnavailableError(f"the worker has not read everything after {LIVE_S:.0f} s") from exc
    finally:
        await consumer.stop()
        await admin.close()


async def _committed(admin: Any, settings: Settings, group: str) -> int:  # noqa: ANN401 - aiokafka has no types
    try:
        found = await admin.list_consumer_group_offsets(settings.kafka.topic_prefix + group)
    except GroupCoordinatorNotAvailableError:  # before the first group of all
        return 0
    return sum(max(0, one.offset) for one in found.values())
