"""What the runner needs of a log: a partition's source, its changelog, and transactions over both.

``kafka_log`` is Kafka; ``MemoryLog`` is a list, for tests and trials without a broker.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from processors.faust.changelog import Written
from processors.faust.letters import Record
from schemas.errors import PenstockError, UnavailableError


class FencedError(PenstockError):
    """Another worker has opened the partition: this one must let it go."""


class Outgoing(NamedTuple):
    """A record to write: the full name of the topic, and the bytes."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes


class Transaction(NamedTuple):
    """What becomes visible together: outputs, the changelog's records, and how far the source is read."""

    outputs: Sequence[Outgoing]
    changelog: Sequence[Written]
    next_offset: int


class Span(NamedTuple):
    """A source partition: the topic's id, the first offset that is still there, the one after the last."""

    topic_id: str
    first: int
    end: int


class Log(Protocol):
    """One partition of a stage. Every method but ``close`` may raise UnavailableError: open again later."""

    async def open(self) -> None:
        """Shut out a former owner: what it has not committed will never be seen."""
        ...

    async def span(self) -> Span:
        """Return what the source holds now."""
        ...

    def changelog(self) -> AsyncIterator[Sequence[Written]]:
        """Return every committed record of the changelog, oldest first, in pieces."""
        ...

    def source(self, begin: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """Return the source's records from ``begin`` to before ``end``, in pieces."""
        ...

    async def write(self, transaction: Transaction) -> None:
        """Commit a transaction.

        Raises:
            FencedError: the partition is another worker's now; nothing was written.
            UnavailableError: whether it was written is known when the log was opened again.
        """
        ...

    async def close(self) -> None:
        """Let the partition go."""
        ...


@dataclass
class MemoryBroker:
    """The durable half of ``MemoryLog``: what outlives its owner."""

    topic_id: str = "memory"
    records: list[Record] = field(default_factory=list)
    committed: list[Written] = field(default_factory=list)
    outputs: list[Outgoing] = field(default_factory=list)
    next_offset: int = 0
    owner: int = 0
    failures: int = 0


class MemoryLog:
    """One partition as a list. Transactions are atomic, and a newer owner fences an older one."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._owner = 0

    async def open(self) -> None:
        """Become the owner."""
        self._broker.owner += 1
        self._owner = self._broker.owner

    async def span(self) -> Span:
        """Return the identity and the extent of the list."""
        records = self._broker.records
        first = records[0].offset if records else self._broker.next_offset
        return Span(self._broker.topic_id, first, records[-1].offset + 1 if records else first)

    async def changelog(self) -> AsyncIterator[Sequence[Written]]:
        """Return what transactions have stored."""
        yield tuple(self._broker.committed)

    async def source(self, begin: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """Return the records of a range."""
        yield tuple(record for record in self._broker.records if begin <= record.offset < end)

    async def write(self, transaction: Transaction) -> None:
        """Append everything, or raise: FencedError, or UnavailableError while ``failures`` are left."""
        if self._owner != self._broker.owner:
            raise FencedError("a newer owner has opened the partition")
        if self._broker.failures:
            self._broker.failures -= 1
            raise UnavailableError("the broker was told to fail", retry_after_s=0.0)
        self._broker.outputs.extend(transaction.outputs)
        self._broker.committed.extend(transaction.changelog)
        self._broker.next_offset = transaction.next_offset

    async def close(self) -> None:
        """Let go; there is nothing to close."""
