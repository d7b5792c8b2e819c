"""Confluent framing: a zero byte, the schema id as four bytes big-endian, then Avro binary."""

import struct

from schemas.errors import DecodeError

MAGIC = 0
PREFIX_BYTES = 5
_PREFIX = struct.Struct(">bI")


def frame(schema_id: int, body: bytes) -> bytes:
    """Put the prefix before an Avro body."""
    return _PREFIX.pack(MAGIC, schema_id) + body


def schema_id_of(value: bytes) -> int:
    """Return the schema id a framed value names.

    Raises:
        DecodeError: the value is too short or not framed.
    """
    if len(value) < PREFIX_BYTES:
        raise DecodeError(f"{len(value)} bytes are too few for a framed event")
    magic, schema_id = _PREFIX.unpack_from(value)
    if magic != MAGIC:
        raise DecodeError(f"the first byte is {magic & 0xFF}, not 0: the value is not framed")
    return int(schema_id)
