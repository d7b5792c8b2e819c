"""HTTP content encodings, piece by piece: bodies that come in and answers that go out."""

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any, Protocol

import lz4.frame
import zstandard

from infra.embedded.clickhouse.failure import CANNOT_DECOMPRESS, UNKNOWN_COMPRESSION_METHOD, refusal

# Bytes handed to a decompressor at once: what bounds the memory that a malicious body can take.
SLICE_BYTES = 16 << 10
GZIP_WBITS = 31
# ClickHouse's default of http_zlib_compression_level.
ZLIB_LEVEL = 3
ZSTD_LEVEL = 1


class Decoder(Protocol):
    """Bytes as they arrive in, bytes as they were out."""

    def decode(self, data: bytes) -> bytes:
        """Return what the next piece gives."""
        ...

    def finish(self) -> None:
        """Raise where the data ended too early."""
        ...


class Encoder(Protocol):
    """The opposite of a decoder."""

    def encode(self, data: bytes) -> bytes:
        """Return what may be sent now, perhaps nothing."""
        ...

    def finish(self) -> bytes:
        """Return the rest."""
        ...


class PlainDecoder:
    """No encoding."""

    def decode(self, data: bytes) -> bytes:
        """Return it as it is."""
        return data

    def finish(self) -> None:
        """Nothing can be missing."""


class PlainEncoder:
    """No encoding."""

    def encode(self, data: bytes) -> bytes:
        """Return it as it is."""
        return data

    def finish(self) -> bytes:
        """Return nothing more."""
        return b""


class MembersDecoder:
    """A sequence of compressed members, as gzip files and concatenated frames are."""

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self._name = name
        self._make = make
        self._member: Any = None

    def decode(self, data: bytes) -> bytes:
        """Decompress the next piece.

        Raises:
            ClickHouseError: it is not in the encoding that the request names.
        """
        try:
            return b"".join(
                self._member_bytes(data[at : at + SLICE_BYTES]) for at in range(0, len(data), SLICE_BYTES)
            )
        except (
            zlib.error,
            zstandard.ZstdError,
            lzma.LZMAError,
            RuntimeError,
            OSError,
            EOFError,
            ValueError,
        ) as exc:
            raise refusal(
                CANNOT_DECOMPRESS, "CANNOT_DECOMPRESS", f"The body is not {self._name}: {exc}"
            ) from exc

    def finish(self) -> None:
        """Check that the last member is whole.

        Raises:
            ClickHouseError: the body ends in the middle of it.
        """
        if self._member is not None and not self._member.eof:
            raise refusal(CANNOT_DECOMPRESS, "CANNOT_DECOMPRESS", f"The {self._name} body is cut off")

    def _member_bytes(self, data: bytes) -> bytes:
        out = []
        while data:
            if self._member is None or self._member.eof:
                self._member = self._make()
            out.append(self._member.decompress(data))
            data = (self._member.unused_data or b"") if self._member.eof else b""
        return b"".join(out)


_DECODERS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(GZIP_WBITS),
    "deflate": zlib.decompressobj,
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
    "xz": lzma.LZMADecompressor,
    "bz2": bz2.BZ2Decompressor,
}


def decoder(encoding: str) -> Decoder:
    """Return the decoder for a Content-Encoding header.

    Raises:
        ClickHouseError: the encoding is unknown.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return PlainDecoder()
    if name not in _DECODERS:
        raise refusal(
            UNKNOWN_COMPRESSION_METHOD,
            "UNKNOWN_COMPRESSION_METHOD",
            f"Unknown Content-Encoding '{encoding}'; known are {', '.join(_DECODERS)}",
        )
    return MembersDecoder(name, _DECODERS[name])


class ZlibEncoder:
    """The gzip and deflate encodings."""

    def __init__(self, wbits: int) -> None:
        self._stream = zlib.compressobj(ZLIB_LEVEL, zlib.DEFLATED, wbits)

    def encode(self, data: bytes) -> bytes:
        """Compress the next piece."""
        return self._stream.compress(data)

    def finish(self) -> bytes:
        """End the stream."""
        return self._stream.flush()


class ZstdEncoder:
    """The zstd encoding."""

    def __init__(self) -> None:
        self._stream = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()

    def encode(self, data: bytes) -> bytes:
        """Compress the next piece."""
        return self._stream.compress(data)

    def finish(self) -> bytes:
        """End the frame."""
        return self._stream.flush()


class Lz4Encoder:
    """The lz4 encoding: one LZ4 frame."""

    def __init__(self) -> None:
        self._stream = lz4.frame.LZ4FrameCompressor()
        self._begun = False

    def encode(self, data: bytes) -> bytes:
        """Compress the next piece."""
        return self._begin() + bytes(self._stream.compress(data))

    def finish(self) -> bytes:
        """End the frame."""
        return self._begin() + bytes(self._stream.flush())

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return bytes(self._stream.begin())


_ENCODERS: dict[str, Callable[[], Encoder]] = {
    "zstd": ZstdEncoder,
    "lz4": Lz4Encoder,
    "gzip": lambda: ZlibEncoder(GZIP_WBITS),
    "deflate": lambda: ZlibEncoder(zlib.MAX_WBITS),
}


def encoder(accept_encoding: str) -> tuple[str, Encoder] | None:
    """Return the cheapest encoding that a client accepts, with its encoder; None to send plain bytes."""
    accepted = _accepted(accept_encoding)
    return next(((name, make()) for name, make in _ENCODERS.items() if name in accepted), None)


def _accepted(header: str) -> set[str]:
    names = set()
    for part in header.lower().split(","):
        name, _, quality = part.strip().partition(";")
        if quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            names.add(name.strip())
    return names
