"""Typed view of ``avro/dead_letter.v1.avsc`` (units there); times are µs since the epoch."""

from typing import NamedTuple


class DeadLetter(NamedTuple):
    """A record that no reader can use, kept with the reason."""

    id: str
    occurred_at: int
    reader: str
    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    size_bytes: int
    reason: str
    detail: str
    suppressed: int
