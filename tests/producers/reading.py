"""Reads back what arrived in Kafka."""

import asyncio
from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.codec import Codec, Event
from schemas.events.node_sample import NodeSample
from schemas.registry import Registry
from schemas.settings import KafkaSettings, RegistrySettings
from schemas.topics import Topic


async def read_until(
    kafka: KafkaSettings,
    registry: RegistrySettings,
    topic: Topic,
    enough: Callable[[Sequence[Event]], bool],
    deadline_s: float = 60.0,
) -> list[Event]:
    """Return the events of a topic from its beginning, each partition in order, once there are enough."""
    client = Registry(registry)
    codec = await client.codec_when_up(topic.events)
    await client.close()
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, enable_auto_commit=False)
    await consumer.start()
    try:
        async with asyncio.timeout(deadline_s):
            return await _read(consumer, codec, topic.full_name(kafka), enough)
    finally:
        await consumer.stop()


async def _read(
    consumer: AIOKafkaConsumer, codec: Codec, name: str, enough: Callable[[Sequence[Event]], bool]
) -> list[Event]:
    while not (numbers := consumer.partitions_for_topic(name)):
        await consumer._client.force_metadata_update()
        await asyncio.sleep(0.1)
    partitions = [TopicPartition(name, number) for number in numbers]
    consumer.assign(partitions)
    for partition in partitions:
        consumer.seek(partition, 0)
    found: list[Event] = []
    while not enough(found):
        for batch in (await consumer.getmany(timeout_ms=200)).values():
            found.extend(codec.decode(record.value) for record in batch)
    return found


def samples(events: Sequence[Event]) -> list[NodeSample]:
    """Return the samples among the events."""
    return [event for event in events if isinstance(event, NodeSample)]


def first_arrivals(events: Sequence[Event]) -> list[NodeSample]:
    """Return the samples without redelivered ones, in order of their first arrival."""
    seen: dict[tuple[str, int], NodeSample] = {}
    for sample in samples(events):
        seen.setdefault((sample.boot_id, sample.seq), sample)
    return list(seen.values())
