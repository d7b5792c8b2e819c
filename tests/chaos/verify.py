"""What must be true afterwards, computed anew from the log by the code that ran live."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from processors.node.stage import NodeStage
from processors.node.state import State
from processors.stage import Arrived, Output, advance
from schemas.codec import Codec
from schemas.errors import EventError
from schemas.kafka import connection
from schemas.registry import Registry
from schemas.settings import Settings
from schemas.topics import NODE_STATES, PANES, TELEMETRY, Topic


@dataclass(frozen=True, slots=True)
class Record:
    """One record as Kafka keeps it; ``arrived_at`` in µs."""

    topic: str
    partition: int
    offset: int
    arrived_at: int
    key: bytes | None
    value: bytes


async def read(settings: Settings, topic: Topic) -> list[Record]:
    """Return every committed record of a topic, by partition and offset."""
    name = topic.full_name(settings.kafka)
    consumer = AIOKafkaConsumer(**connection(settings.kafka), isolation_level="read_committed")
    await consumer.start()
    try:
        partitions = [TopicPartition(name, n) for n in range(topic.partitions(settings.kafka))]
        ends = await consumer.end_offsets(partitions)
        starts = await consumer.beginning_offsets(partitions)
        consumer.assign(partitions)
        for partition in partitions:
            consumer.seek(partition, starts[partition])
        found: list[Record] = []
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                batch = await consumer.getmany(partition, timeout_ms=500)
                found += [
                    Record(name, m.partition, m.offset, m.timestamp * 1000, m.key, m.value)
                    for m in batch.get(partition, [])
                ]
    finally:
        await consumer.stop()
    return sorted(found, key=lambda record: (record.partition, record.offset))


async def codec_of(settings: Settings) -> Codec:
    """Return a codec with the ids of the stack's registry."""
    registry = Registry(settings.registry)
    try:
        return await registry.codec()
    finally:
        await registry.close()


def recomputed(records: Sequence[Record], codec: Codec, pue: float) -> dict[tuple[str, int], list[bytes]]:
    """Fold the telemetry in one go; return the bytes of each output topic and partition, in order."""
    stage = NodeStage(pue)
    said: dict[tuple[str, int], list[bytes]] = {}
    states: dict[int, dict[str, State]] = {}
    for record in records:
        try:
            event = codec.decode(record.value)
        except EventError:
            continue
        memory = states.setdefault(record.partition, {})
        for output in advance(memory, stage, Arrived(event, record.arrived_at, record.partition)):
            if isinstance(output, Output):
                said.setdefault((output.topic.name, record.partition), []).append(codec.encode(output.event))
    return said


async def live_equals_recomputed(settings: Settings, telemetry: Sequence[Record]) -> int:
    """Compare the live outputs with a recomputation; return how many were compared.

    What followed from records after ``telemetry`` may be there too: the recomputation must be a prefix.
    """
    codec = await codec_of(settings)
    expected = recomputed(telemetry, codec, settings.worker.pue)
    compared = 0
    for topic in (NODE_STATES, PANES):
        live: dict[int, list[bytes]] = {}
        for record in await read(settings, topic):
            live.setdefault(record.partition, []).append(record.value)
        for (name, partition), values in expected.items():
            if name == topic.name:
                assert live.get(partition, [])[: len(values)] == values, f"{name}[{partition}] differs"
                compared += len(values)
    return compared


def log_digest(records: Sequence[Record]) -> Counter[tuple[int, int, str]]:
    """Return (partition, offset, MD5 of the value), as SQL can compute it too."""
    return Counter(
        (record.partition, record.offset, hashlib.md5(record.value, usedforsecurity=False).hexdigest())
        for record in records
    )


async def telemetry_of(settings: Settings) -> list[Record]:
    """Return the telemetry so far."""
    return await read(settings, TELEMETRY)
