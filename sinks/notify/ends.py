"""Where partitions end, whatever is committed there.

A reader of committed records sees no further than the first transaction that is open. Facts of deliveries
behind it are there all the same: who takes a partition over has to wait for them, or sends again what they
tell of. So the end that counts is the one of a reader that sees everything.
"""

from collections.abc import Collection, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.kafka import connection
from schemas.settings import KafkaSettings


async def ends_of(
    settings: KafkaSettings, places: Collection[TopicPartition]
) -> Mapping[TopicPartition, int]:
    """Return the offset behind the last record of each partition.

    Raises:
        KafkaError: Kafka is away.
    """
    consumer = AIOKafkaConsumer(
        **connection(settings), enable_auto_commit=False, isolation_level="read_uncommitted"
    )
    await consumer.start()
    try:
        consumer.assign(list(places))
        found: Mapping[TopicPartition, int] = await consumer.end_offsets(list(places))
        return found
    finally:
        await consumer.stop()
