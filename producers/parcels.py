"""Facts packed for Kafka: what goes to one partition goes together, which costs a tenth of one by one."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from producers.envelope import Encoded, framed
from producers.link import BATCH_BYTES
from schemas.codec import Codec, Event
from schemas.partition import partition_of
from schemas.topics import Topic

# What is larger goes alone, so that a record that Kafka will not have takes no other with it.
_LARGE_BYTES = BATCH_BYTES // 2
# More than a batch takes for a record beside its key and value.
_OVERHEAD_BYTES = 64


class Fact(NamedTuple):
    """A fact that waits; ``number`` counts those of an emitter from 0."""

    topic: Topic
    key: str
    event: Event | Encoded
    since_s: float
    number: int


class Flying(NamedTuple):
    """Facts that were sent together."""

    facts: Sequence[Fact]
    acknowledged: asyncio.Future[object]
    since_s: float


class Parcel(NamedTuple):
    """Facts of one partition, in order, and their keys and values."""

    topic: Topic
    partition: int
    facts: list[Fact]
    records: list[tuple[bytes, bytes]]


def packed(
    facts: Sequence[Fact], codec: Codec, partitions: Mapping[str, int]
) -> tuple[list[Parcel], list[tuple[Fact, Exception]]]:
    """Return parcels, none too large for a batch, and the facts that cannot be written, with the reason.

    Args:
        facts: in the order they are to arrive in.
        codec: writes them.
        partitions: how many each topic has, by name.
    """
    whole: dict[tuple[str, int], Parcel] = {}
    refused: list[tuple[Fact, Exception]] = []
    for fact in facts:
        name = fact.topic.name
        try:
            key, value = fact.key.encode(), framed(codec, fact.event)
        except Exception as exc:  # noqa: BLE001 - one bad fact must not stop the others
            refused.append((fact, exc))
            continue
        place = name, partition_of(fact.key, partitions[name])
        parcel = whole.get(place)
        if parcel is None:
            parcel = whole[place] = Parcel(fact.topic, place[1], [], [])
        parcel.facts.append(fact)
        parcel.records.append((key, value))
    return [part for parcel in whole.values() for part in _cut(parcel)], refused


def is_large(parcel: Parcel) -> bool:
    """Tell whether a parcel is one record that has to go alone."""
    return len(parcel.records) == 1 and _bytes(parcel.records[0]) > _LARGE_BYTES


def _bytes(record: tuple[bytes, bytes]) -> int:
    return len(record[0]) + len(record[1]) + _OVERHEAD_BYTES


def _cut(parcel: Parcel) -> Iterator[Parcel]:
    """Yield a parcel in parts that a batch can hold; a large record is one of its own."""
    sizes = [_bytes(record) for record in parcel.records]
    if sum(sizes) <= BATCH_BYTES and max(sizes) <= _LARGE_BYTES:  # as nearly always
        yield parcel
        return
    start = size = 0
    alone = False
    for place, more in enumerate(sizes):
        if place > start and (alone or more > _LARGE_BYTES or size + more > BATCH_BYTES):
            yield _part(parcel, start, place)
            start, size = place, 0
        alone = more > _LARGE_BYTES
        size += more
    yield _part(parcel, start, len(parcel.records))


def _part(parcel: Parcel, start: int, end: int) -> Parcel:
    return parcel._replace(facts=parcel.facts[start:end], records=parcel.records[start:end])
