"""Rows of ``event_log`` in ClickHouse's RowBinary: every record as it was sent."""

import struct
from collections.abc import Iterable

from sinks.clickhouse.record import Record

TABLE = "event_log"
COLUMNS = ("topic", "partition", "offset", "arrived_at", "key", "value")

_PLACE = struct.Struct("<qq")
_PARTITION = struct.Struct("<i")
_NULL = b"\x01"
_SMALL = 1 << 14


def rows(topic: str, records: Iterable[Record]) -> bytes:
    """Return one row a record, in the order given, of the columns ``COLUMNS``."""
    name = topic.encode()
    start = _size(len(name)) + name
    starts: dict[int, bytes] = {}
    keys: dict[bytes | None, bytes] = {}
    parts: list[bytes] = []
    pack = _PLACE.pack
    for record in records:
        head = starts.get(record.partition)
        if head is None:
            head = starts[record.partition] = start + _PARTITION.pack(record.partition)
        key = keys.get(record.key)
        if key is None:
            key = keys[record.key] = _NULL if record.key is None else _present(len(record.key)) + record.key
        value = record.value
        if value is None:
            parts += (head, pack(record.offset, record.timestamp * 1000), key, _NULL)
        else:
            size = _PRESENT[len(value)] if len(value) < _SMALL else _present(len(value))
            parts += (head, pack(record.offset, record.timestamp * 1000), key, size, value)
    return b"".join(parts)


def _size(number: int) -> bytes:
    """Return an unsigned LEB128."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _present(size: int) -> bytes:
    """Return what stands before the bytes of a nullable text that is there."""
    return b"\x00" + _size(size)


_PRESENT = tuple(map(_present, range(_SMALL)))
