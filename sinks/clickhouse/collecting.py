"""How much goes into one batch: a pure count of rows, bytes and partitions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sinks.clickhouse.ranges import METADATA_BYTES, Range
from sinks.clickhouse.record import Record

# Partition, two offsets of up to 19 digits and separators: what one more range adds to the metadata at worst.
_RANGE_BYTES = 50
MOST_PARTITIONS = (METADATA_BYTES - 100) // _RANGE_BYTES


@dataclass(frozen=True, slots=True)
class Limits:
    """A batch is full with so many records, or so many bytes of values."""

    rows: int
    bytes: int


@dataclass(slots=True)
class Collected:
    """The records of a batch so far, in the order in which they came."""

    limits: Limits
    records: list[Record] = field(default_factory=list)
    _bytes: int = 0
    _partitions: set[int] = field(default_factory=set)
    full: bool = False

    def add(self, records: Sequence[Record]) -> Sequence[Record]:
        """Take records until the batch is full, and return those that are for the next one."""
        for at, record in enumerate(records):
            if self.full or self._too_wide(record.partition):
                self.full = True
                return records[at:]
            self.records.append(record)
            self._partitions.add(record.partition)
            self._bytes += len(record.value or b"")
            self.full = len(self.records) >= self.limits.rows or self._bytes >= self.limits.bytes
        return ()

    def _too_wide(self, partition: int) -> bool:
        return partition not in self._partitions and len(self._partitions) >= MOST_PARTITIONS


def ranges_of(records: Iterable[Record]) -> tuple[Range, ...]:
    """Return the range of each partition; the records are ordered by partition and offset."""
    bounds: dict[int, tuple[int, int]] = {}
    for record in records:
        first, _ = bounds.get(record.partition, (record.offset, 0))
        bounds[record.partition] = (first, record.offset)
    return tuple(Range(partition, first, last) for partition, (first, last) in bounds.items())
