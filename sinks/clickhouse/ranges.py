"""What one batch holds, how it is remembered in Kafka, and the tokens that make it count once.

A batch is some records of one topic, as a range of offsets for each of its partitions::

    committed offset          first                  last
           |---- stored ----|--|===== the batch =====|----- still to come

Before anything is inserted, each partition is committed at its ``first`` with the whole batch as metadata:
pending. Whoever has the partition next puts the same batch together, inserts it with the same tokens, and
commits ``last + 1``. A topic that is made again starts at offset 0 again: its id is part of every token.
"""

import hashlib
import re
from dataclasses import dataclass

# Kafka keeps up to 4096 bytes of metadata with an offset (offset.metadata.max.bytes).
METADATA_BYTES = 4000

_VERSION = "1"
_RANGE = re.compile(r"(\d+):(\d+)-(\d+)")


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """Offsets of one partition, both ends inclusive; not every one in between needs to exist."""

    partition: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Ranges of a topic that go in together, ordered by partition. ``topic_id`` is Kafka's, or empty."""

    topic: str
    topic_id: str
    ranges: tuple[Range, ...]

    @property
    def metadata(self) -> str:
        """What is committed while the batch is pending."""
        ranges = ",".join(f"{each.partition}:{each.first}-{each.last}" for each in self.ranges)
        return f"{_VERSION} {self.topic_id} {ranges}"

    def token(self, table: str) -> str:
        """Return the deduplication token of this batch's rows in one table."""
        text = f"{self.topic} {self.metadata} {table}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Mark:
    """What the metadata of a committed offset says. Without ranges nothing is pending."""

    topic_id: str = ""
    ranges: tuple[Range, ...] = ()


def done(topic_id: str) -> str:
    """Return the metadata of an offset below which everything is stored."""
    return f"{_VERSION} {topic_id} "


def read_mark(metadata: str | None) -> Mark:
    """Read what ``Batch.metadata`` or ``done`` wrote; what anything else wrote says nothing."""
    parts = (metadata or "").split(" ")
    if len(parts) != 3 or parts[0] != _VERSION:
        return Mark()
    ranges: list[Range] = []
    for text in parts[2].split(",") if parts[2] else []:
        found = _RANGE.fullmatch(text)
        if found is None:
            return Mark()
        ranges.append(Range(*map(int, found.groups())))
    return Mark(parts[1], tuple(ranges))
