"""The order of a replay: what makes a range of a log one sequence, whatever it was read from.

Per partition by offset; across partitions by (arrived_at, topic, partition, offset). The broker's time can go
back within a partition, when its clock is set or another broker leads; such a record counts as arrived with
the one before it, so that offsets keep their order.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from schemas.log_file import LogRecord


class Order(NamedTuple):
    """The place of a record among all others. ``at``: when it arrived, or one before it in its partition."""

    at: int
    topic: str
    partition: int
    offset: int


# A record with its place.
Placed = tuple[Order, LogRecord]


def merged(partitions: Sequence[Iterable[LogRecord]]) -> Iterator[LogRecord]:
    """Yield the records of partitions, each of which comes by offset, in the order of a replay."""
    for _, record in heapq.merge(*map(placed, partitions), key=_order):
        yield record


def placed(records: Iterable[LogRecord]) -> Iterator[Placed]:
    """Yield records with their places; those of each partition come by offset."""
    newest: dict[tuple[str, int], int] = {}
    for record in records:
        topic, partition, offset, at, _, _ = record
        before = newest.get((topic, partition), 0)
        if at < before:
            at = before
        else:
            newest[topic, partition] = at
        yield Order(at, topic, partition, offset), record


def in_order(records: Iterable[LogRecord]) -> Iterator[LogRecord]:
    """Yield records that come by time of arrival, as a log file has them, in the order of a replay.

    Records of one moment are put in order; whole runs of them are held, which are few.
    """
    together: list[LogRecord] = []
    at = 0
    for record in records:
        if record.arrived_at > at:
            if len(together) == 1:  # most are alone
                yield together[0]
            else:
                yield from sorted(together, key=_place)
            together, at = [], record.arrived_at
        together.append(record)
    yield from sorted(together, key=_place)


def _order(placed_: Placed) -> Order:
    return placed_[0]


def _place(record: LogRecord) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset
