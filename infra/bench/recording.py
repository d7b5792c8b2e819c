"""Events into ClickHouse as the sink puts them there, without Kafka: what was recorded, made up."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from processors.chain import Record
from processors.replay.digest import NAMES
from schemas.codec.serde import encode_body
from schemas.registry import Registry
from schemas.settings import Settings
from sinks.clickhouse import event_log
from sinks.clickhouse.envelope import Enclosed, enclose
from sinks.clickhouse.migrate import migrate
from sinks.clickhouse.store import Store
from sinks.clickhouse.tables import intake
from sinks.clickhouse.writers import Writers

BATCH = 5_000


class Raw(NamedTuple):
    """A record as Kafka gives it; ``timestamp`` in ms."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes


def put(settings: Settings, records: Iterable[Record]) -> int:
    """Make the tables, and put records into them and into ``event_log``; return how many there were.

    Offsets are counted for each partition, in the order given.
    """
    return asyncio.run(_put(settings, records))


async def _put(settings: Settings, records: Iterable[Record]) -> int:
    registry, store = Registry(settings.registry), Store(settings)
    writers = Writers(registry)
    offsets: dict[tuple[str, int], int] = defaultdict(int)
    count, batch = 0, []
    try:
        codec = await registry.codec()
        await writers.register()
        await migrate(store, settings.clickhouse)
        for record in records:
            place = record.topic.name, record.partition
            body, name = encode_body(record.event), NAMES[type(record.event)]
            key = None if record.key is None else record.key.encode()
            at_ms = record.arrived_at // 1000
            raw = Raw(record.partition, offsets[place], at_ms, key, codec.frame(name, body))
            batch.append((record.topic.full_name(settings.kafka), name, raw, body))
            offsets[place] += 1
            count += 1
            if len(batch) >= BATCH:
                await _insert(store, writers, batch)
                batch = []
        await _insert(store, writers, batch)
    finally:
        await store.close()
        await registry.close()
    return count


async def _insert(store: Store, writers: Writers, batch: Sequence[tuple[str, str, Raw, bytes]]) -> None:
    by_topic: dict[str, list[Raw]] = defaultdict(list)
    by_event: dict[tuple[str, str], list[Enclosed]] = defaultdict(list)
    for topic, name, raw, body in batch:
        by_topic[topic].append(raw)
        by_event[name, topic].append(Enclosed(raw.partition, raw.offset, raw.timestamp, body))
    for topic, raws in by_topic.items():
        rows = event_log.rows(topic, raws)
        await store.insert(event_log.TABLE, event_log.COLUMNS, "RowBinary", rows)
    for (name, topic), events in by_event.items():
        await store.insert(
            intake(name), (), "AvroConfluent", enclose(writers.stored_ids[name], topic, events)
        )
