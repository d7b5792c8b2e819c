"""The blocks of an Avro object container file (zstandard), decompressed one by one and never more than told.

Avro's libraries decompress a block whole, however large it becomes, and believe the schema in the header.
Here each block is checked before and while it grows, and the header must have the schema that is expected.
"""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import zstandard

MAGIC = b"Obj\x01"
SYNC_BYTES = 16
# A block is a quarter of a megabyte and one record more, which is a megabyte at most.
BLOCK_LIMIT_BYTES = 8 << 20
HEADER_LIMIT_BYTES = 64 << 10
_CHUNK_BYTES = 1 << 18
_LONG_BITS = 63


class BlockError(ValueError):
    """The bytes are no such file, or become more than was declared."""


class Block(NamedTuple):
    """A block: how many records, and their bytes."""

    records: int
    body: bytes


def blocks(file: BinaryIO, schema: Any, limit_bytes: int) -> Iterator[Block]:  # noqa: ANN401 - Avro is JSON
    """Yield the blocks of a file with this schema; together they become ``limit_bytes`` at most.

    Raises:
        BlockError: the file is another, cut off, or becomes more.
    """
    sync = _header(file, schema)
    while (records := _long(file, may_end=True)) is not None:
        size = _long(file) or 0
        if records < 0 or not 0 <= size <= BLOCK_LIMIT_BYTES:
            raise BlockError(f"a block of {records} records and {size} bytes")
        body = _grown(_exactly(file, size), min(limit_bytes, BLOCK_LIMIT_BYTES))
        limit_bytes -= len(body)
        if _exactly(file, SYNC_BYTES) != sync:
            raise BlockError("a block does not end where it says")
        yield Block(records, body)


def _grown(packed: bytes, limit_bytes: int) -> bytes:
    """Return a block decompressed; it stops as soon as it is larger than it may be."""
    found = bytearray()
    try:
        with zstandard.ZstdDecompressor().stream_reader(packed) as reader:
            while chunk := reader.read(_CHUNK_BYTES):
                found += chunk
                if len(found) > limit_bytes:
                    raise BlockError(f"a block of {len(packed)} bytes becomes more than {limit_bytes}")
    except (zstandard.ZstdError, MemoryError) as exc:
        raise BlockError(f"a block cannot be decompressed: {exc}") from exc
    return bytes(found)


def _header(file: BinaryIO, schema: Any) -> bytes:  # noqa: ANN401 - Avro is JSON
    """Check the header, and return the marker that ends each block."""
    if _exactly(file, len(MAGIC)) != MAGIC:
        raise BlockError("no Avro object container file")
    metadata = _metadata(file)
    if metadata.get("avro.codec") != b"zstandard":
        raise BlockError("its blocks are not compressed with zstandard")
    try:
        found = json.loads(metadata["avro.schema"])
    except (KeyError, ValueError, RecursionError) as exc:
        raise BlockError("its header has no schema") from exc
    if _shape(found) != _shape(schema):
        raise BlockError("its records have another schema")
    return _exactly(file, SYNC_BYTES)


def _shape(schema: Any) -> Any:  # noqa: ANN401 - Avro is JSON
    """Return names and types of the fields: what they say of themselves may change."""
    try:
        return [(field["name"], field["type"]) for field in schema["fields"]]
    except (TypeError, KeyError):
        return None


def _metadata(file: BinaryIO) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    left = HEADER_LIMIT_BYTES
    while count := _long(file):
        if count < 0:  # then the size of this part of the map follows
            count = -count
            _long(file)
        for _ in range(count):
            name, value = _sized(file, left), _sized(file, left)
            left -= len(name) + len(value) + 1
            found[name.decode("utf-8", "replace")] = value
    return found


def _sized(file: BinaryIO, limit_bytes: int) -> bytes:
    size = _long(file) or 0
    if not 0 <= size <= limit_bytes:
        raise BlockError("its header is too large")
    return _exactly(file, size)


def _long(file: BinaryIO, *, may_end: bool = False) -> int | None:
    """Read a number as Avro writes it; None where the file may end and does."""
    found = shift = 0
    while shift <= _LONG_BITS:
        byte = file.read(1)
        if not byte:
            if may_end and not shift:
                return None
            raise BlockError("it is cut off")
        found |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return (found >> 1) ^ -(found & 1)
        shift += 7
    raise BlockError("a number that is none")


def _exactly(file: BinaryIO, size: int) -> bytes:
    found = file.read(size)
    if len(found) != size:
        raise BlockError("it is cut off")
    return found
