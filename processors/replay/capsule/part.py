"""The records of one topic in a capsule: an Avro object container file, written and read with bounds."""

import hashlib
import io
from collections.abc import Iterator
from typing import IO, Any, BinaryIO, cast

import fastavro
import fastavro.write
import zstandard

from processors.replay.capsule.blocks import BlockError, blocks
from processors.replay.capsule.errors import CapsuleError
from processors.replay.capsule.manifest import Part
from schemas.log_file import RECORD_SCHEMA, LogRecord

BLOCK_BYTES = 256 << 10
_LEVEL = 9
_PARSED = fastavro.parse_schema(RECORD_SCHEMA)
_CHUNK_BYTES = 1 << 20


class PartWriter:
    """Writes records of a topic in the order in which they come; equal records give equal bytes."""

    def __init__(self, topic: str, file: IO[bytes]) -> None:
        self._topic = topic
        self._file = file
        self._digest = hashlib.sha256()
        self._bytes = self._plain_bytes = self._records = self._in_block = 0
        self._first_at = self._last_at = 0
        self._buffer = io.BytesIO()
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self._sync = hashlib.sha256(f"penstock capsule {topic}".encode()).digest()[:16]
        self._put(_header(self._sync))

    def write(self, record: LogRecord) -> None:
        """Write a record."""
        fastavro.schemaless_writer(self._buffer, _PARSED, record._asdict())
        if not self._records:
            self._first_at = self._last_at = record.arrived_at
        self._first_at = min(self._first_at, record.arrived_at)
        self._last_at = max(self._last_at, record.arrived_at)
        self._records += 1
        self._in_block += 1
        if self._buffer.tell() >= BLOCK_BYTES:
            self._flush()

    def end(self) -> Part:
        """Write what is held back, and return what has been written."""
        self._flush()
        return Part(
            topic=self._topic,
            records=self._records,
            bytes=self._bytes,
            plain_bytes=self._plain_bytes,
            sha256=self._digest.hexdigest(),
            first_at=self._first_at,
            last_at=self._last_at,
        )

    def close(self) -> None:
        """Close the file; what is held back is lost unless ``end`` was called."""
        self._file.close()

    def _flush(self) -> None:
        if not self._in_block:
            return
        plain = self._buffer.getvalue()
        packed = self._compressor.compress(plain)
        self._put(_long(self._in_block) + _long(len(packed)) + packed + self._sync)
        self._plain_bytes += len(plain)
        self._buffer = io.BytesIO()
        self._in_block = 0

    def _put(self, raw: bytes) -> None:
        self._file.write(raw)
        self._digest.update(raw)
        self._bytes += len(raw)


def records(file: IO[bytes], part: Part, name: str) -> Iterator[LogRecord]:
    """Yield the records of a part, in order.

    Raises:
        CapsuleError: the part is damaged, or not as the manifest says.
    """
    count = 0
    try:
        for block in blocks(cast(BinaryIO, file), RECORD_SCHEMA, part.plain_bytes):
            buffer = io.BytesIO(block.body)
            for _ in range(block.records):
                found: Any = fastavro.schemaless_reader(buffer, _PARSED, None)
                yield _checked(LogRecord(*found.values()), part)
                count += 1
            if buffer.tell() != len(block.body):
                raise BlockError("a block has bytes behind its last record")
        if count != part.records:
            raise BlockError(f"it has {count} records, and the manifest says {part.records}")
    except CapsuleError:
        raise
    except Exception as exc:  # fastavro and zipfile have errors of their own for hostile bytes
        what = str(exc) or type(exc).__name__
        raise CapsuleError(f"{name} is damaged: {part.file} after {count} records: {what}") from exc


def check_digest(file: IO[bytes], part: Part, name: str) -> None:
    """Raise CapsuleError where a part is not byte for byte what the manifest says."""
    digest = hashlib.sha256()
    size = 0
    try:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    except Exception as exc:  # zipfile's own: its check sum, an early end
        raise CapsuleError(f"{name} is damaged: {part.file} cannot be read ({exc})") from exc
    if size != part.bytes or digest.hexdigest() != part.sha256:
        raise CapsuleError(f"{name} was altered: {part.file} is not what its manifest says (sha256)")


def _checked(record: LogRecord, part: Part) -> LogRecord:
    if record.topic != part.topic or record.partition < 0:
        raise BlockError(f"a record of {record.topic!r} partition {record.partition}")
    return record


def _header(sync: bytes) -> bytes:
    """Return the header as fastavro writes it, with a marker of ours: by default it is random."""
    found = io.BytesIO()
    fastavro.write.Writer(found, RECORD_SCHEMA, codec="zstandard", sync_marker=sync)
    return found.getvalue()


def _long(value: int) -> bytes:
    """Return a number that is not negative as Avro writes it."""
    value <<= 1
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
