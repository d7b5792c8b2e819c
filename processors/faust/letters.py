"""Dead letters: what is kept of a record that no stage can use, and how many of them a minute.

The minute is that of the records' arrival, not of a clock, so a second reading keeps the same ones.
"""

from typing import NamedTuple, Protocol

from processors.stage import Rejected
from schemas.events.dead_letter import DeadLetter
from schemas.ids import derived_id

VALUE_BYTES = 64 * 1024
DETAIL_CHARACTERS = 500
MINUTE_US = 60_000_000


class Record(Protocol):
    """A record as aiokafka returns it. ``timestamp`` is the broker's, ms since the epoch."""

    @property
    def offset(self) -> int:
        """Where it stands in its partition."""
        ...

    @property
    def timestamp(self) -> int:
        """When the broker took it."""
        ...

    @property
    def key(self) -> bytes | None:
        """Its key."""
        ...

    @property
    def value(self) -> bytes | None:
        """Its value; None is a tombstone, and no event."""
        ...


class Cap(NamedTuple):
    """How many dead letters this minute has had, and how many were not kept since the last that was."""

    minute: int = 0
    kept: int = 0
    suppressed: int = 0

    def admit(self, arrived_at: int, limit: int) -> "tuple[Cap, bool]":
        """Return the cap after one more, and whether that one is kept. ``arrived_at`` is µs."""
        minute = arrived_at // MINUTE_US
        kept = 0 if minute > self.minute else self.kept
        minute = max(minute, self.minute)
        if kept >= limit:
            return Cap(minute, kept, self.suppressed + 1), False
        return Cap(minute, kept + 1, 0), True


NO_LETTERS = Cap()


class Source(NamedTuple):
    """Who reads what: the stage, and the partition of the topic with its full name.

    ``key`` is what the topic is keyed by, and ``partitions`` how many every topic has that is spread.
    """

    reader: str
    topic: str
    partition: int
    key: str = "node_id"
    partitions: int = 1


def dead_letter(source: Source, record: Record, rejected: Rejected, suppressed: int) -> DeadLetter:
    """Return the event that keeps a record with the reason; ``suppressed`` before it were not kept."""
    reader, topic, partition = source[:3]
    value = record.value or b""
    return DeadLetter(
        id=derived_id("dead_letter", reader, topic, partition, record.offset),
        occurred_at=record.timestamp * 1000,
        reader=reader,
        topic=topic,
        partition=partition,
        offset=record.offset,
        key=(record.key or b"")[:VALUE_BYTES],
        value=value[:VALUE_BYTES],
        size_bytes=len(value),
        reason=rejected.reason,
        detail=rejected.detail[:DETAIL_CHARACTERS],
        suppressed=suppressed,
    )
