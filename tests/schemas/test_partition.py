"""Our partitions are those of Kafka's clients."""

from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from schemas.partition import partition_of


@given(st.text(max_size=40), st.integers(1, 64))
def test_as_kafka_does(key: str, partitions: int) -> None:
    assert partition_of(key, partitions) == (murmur2(key.encode()) & 0x7FFF_FFFF) % partitions
