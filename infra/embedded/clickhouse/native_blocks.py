"""ClickHouse's own compressed blocks, which ``compress=1`` and ``decompress=1`` ask for.

A block is a checksum (CityHash128 1.0.2 of all that follows, 16 bytes), the method (1), the compressed size
with this header of 9 bytes (4), the size before (4), and the data; numbers are little-endian.
"""

import struct

import lz4.block
import zstandard
from clickhouse_cityhash.cityhash import CityHash128

from infra.embedded.clickhouse.failure import (
    ATTEMPT_TO_READ_AFTER_EOF,
    CANNOT_DECOMPRESS,
    CHECKSUM_DOESNT_MATCH,
    UNKNOWN_COMPRESSION_METHOD,
    refusal,
)

_CHECKSUM_BYTES = 16
_HEADER = struct.Struct("<BII")
_LZ4, _ZSTD, _NONE = 0x82, 0x90, 0x02
# ClickHouse's own max_compress_block_size is 1 MiB; its readers refuse blocks of more than 1 GiB.
BLOCK_BYTES = 1 << 20
_MOST_BYTES = 256 << 20


class BlockEncoder:
    """An answer as LZ4 blocks."""

    def encode(self, data: bytes) -> bytes:
        """Return the piece as whole blocks."""
        return b"".join(_block(data[at : at + BLOCK_BYTES]) for at in range(0, len(data), BLOCK_BYTES))

    def finish(self) -> bytes:
        """Return nothing more: each block stands for itself."""
        return b""


class BlockDecoder:
    """A body of blocks, in pieces cut anywhere."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def decode(self, data: bytes) -> bytes:
        """Return the contents of the blocks that are complete.

        Raises:
            ClickHouseError: a block is damaged, too large, or of an unknown method.
        """
        self._waiting += data
        out = []
        while (block := self._take()) is not None:
            out.append(_open(block))
        return b"".join(out)

    def finish(self) -> None:
        """Check that nothing is left over.

        Raises:
            ClickHouseError: the body ends in the middle of a block.
        """
        if self._waiting:
            raise refusal(
                ATTEMPT_TO_READ_AFTER_EOF,
                "ATTEMPT_TO_READ_AFTER_EOF",
                "The body ends in the middle of a compressed block",
            )

    def _take(self) -> bytes | None:
        if len(self._waiting) < _CHECKSUM_BYTES + _HEADER.size:
            return None
        _, size, before = _HEADER.unpack_from(self._waiting, _CHECKSUM_BYTES)
        if not _HEADER.size <= size <= _MOST_BYTES or before > _MOST_BYTES:
            raise refusal(
                CANNOT_DECOMPRESS,
                "CANNOT_DECOMPRESS",
                f"A compressed block claims to have {size} of {before} bytes",
            )
        if len(self._waiting) < _CHECKSUM_BYTES + size:
            return None
        block = bytes(self._waiting[: _CHECKSUM_BYTES + size])
        del self._waiting[: _CHECKSUM_BYTES + size]
        return block


def checksum(data: bytes) -> bytes:
    """Return CityHash128 in the order in which ClickHouse writes it: the low half first."""
    value = CityHash128(data)
    return struct.pack("<QQ", value >> 64, value & 0xFFFFFFFFFFFFFFFF)


def _block(data: bytes) -> bytes:
    packed: bytes = lz4.block.compress(data, store_size=False)
    body: bytes = _HEADER.pack(_LZ4, len(packed) + _HEADER.size, len(data)) + packed
    return checksum(body) + body


def _open(block: bytes) -> bytes:
    body = block[_CHECKSUM_BYTES:]
    if checksum(body) != block[:_CHECKSUM_BYTES]:
        raise refusal(
            CHECKSUM_DOESNT_MATCH, "CHECKSUM_DOESNT_MATCH", "Checksum of a compressed block does not match"
        )
    method, _, before = _HEADER.unpack_from(body)
    packed = body[_HEADER.size :]
    try:
        return _unpacked(method, packed, before)
    except (lz4.block.LZ4BlockError, zstandard.ZstdError) as exc:
        raise refusal(
            CANNOT_DECOMPRESS, "CANNOT_DECOMPRESS", f"A compressed block is damaged: {exc}"
        ) from exc


def _unpacked(method: int, packed: bytes, before: int) -> bytes:
    if method == _LZ4:
        return bytes(lz4.block.decompress(packed, uncompressed_size=before))
    if method == _ZSTD:
        return bytes(zstandard.ZstdDecompressor().decompress(packed, max_output_size=before))
    if method == _NONE:
        return packed
    raise refusal(
        UNKNOWN_COMPRESSION_METHOD, "UNKNOWN_COMPRESSION_METHOD", f"Unknown compression method {method:#04x}"
    )
