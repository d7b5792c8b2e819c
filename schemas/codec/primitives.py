"""Avro's primitive encodings, as the generated code calls them; every length is checked before it is used."""

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from schemas.errors import DecodeError

Append = Callable[[bytes], None]

_DOUBLE = struct.Struct("<d")
_LONG_BITS = 64
SHORT = 64
"""Texts of fewer characters are remembered as bytes."""


# A time takes eight bytes: two at a time is three times as fast as one at a time.
_PAIR_BITS = 14
_PAIR = 1 << _PAIR_BITS
_PAIRS = tuple(bytes((pair & 0x7F | 0x80, pair >> 7 | 0x80)) for pair in range(_PAIR))
_ENDS = tuple(
    bytes((pair,)) if pair < 0x80 else bytes((pair & 0x7F | 0x80, pair >> 7)) for pair in range(_PAIR)
)


def _varint(number: int) -> bytes:
    number = (number << 1) ^ (number >> 63)
    out = b""
    while number >= _PAIR:
        out += _PAIRS[number & (_PAIR - 1)]
        number >>= _PAIR_BITS
    return out + _ENDS[number]


_SMALL = 8192
_VARINTS = tuple(_varint(number) for number in range(_SMALL))


def read_long(buffer: bytes, position: int) -> tuple[int, int]:
    """Read a zigzag varint of at most 64 bits."""
    byte = buffer[position]
    position += 1
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), position
    number, shift = byte & 0x7F, 7
    while True:
        byte = buffer[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift >= 70:
            raise DecodeError("a number is longer than ten bytes")
    if number >> _LONG_BITS:
        raise DecodeError("a number does not fit into 64 bits")
    return (number >> 1) ^ -(number & 1), position


def write_long(value: int, append: Append) -> None:
    """Write a zigzag varint."""
    append(_VARINTS[value] if 0 <= value < _SMALL else _varint(value))


def read_bytes(buffer: bytes, position: int) -> tuple[bytes, int]:
    """Read a length and as many bytes."""
    size, position = read_long(buffer, position)
    end = position + size
    if size < 0 or end > len(buffer):
        raise DecodeError(f"a length of {size} leaves the record")
    return buffer[position:end], end


def write_bytes(value: bytes, append: Append) -> None:
    """Write a length and the bytes."""
    write_long(len(value), append)
    append(value)


def read_string(buffer: bytes, position: int) -> tuple[str, int]:
    """Read UTF-8 text."""
    raw, position = read_bytes(buffer, position)
    return raw.decode(), position


def write_string(value: str, append: Append) -> None:
    """Write UTF-8 text."""
    append(short_text(value) if len(value) < SHORT else long_text(value))


def long_text(value: str) -> bytes:
    """Return the bytes of a text."""
    raw = value.encode()
    return (_VARINTS[len(raw)] if len(raw) < _SMALL else _varint(len(raw))) + raw


# Names of fleets, nodes, models and keys come again and again, and so does a request's in each of its facts:
# looking one up takes a quarter of the time.
short_text = lru_cache(maxsize=8192)(long_text)


def read_boolean(buffer: bytes, position: int) -> tuple[bool, int]:
    """Read one byte, 0 or 1."""
    byte = buffer[position]
    if byte > 1:
        raise DecodeError(f"byte {byte} is no boolean")
    return byte == 1, position + 1


def write_boolean(value: bool, append: Append) -> None:
    """Write one byte."""
    append(b"\x01" if value else b"\x00")


def read_double(buffer: bytes, position: int) -> tuple[float, int]:
    """Read eight bytes."""
    return _DOUBLE.unpack_from(buffer, position)[0], position + 8


def write_double(value: float, append: Append) -> None:
    """Write eight bytes."""
    append(_DOUBLE.pack(value))


def _read_count(buffer: bytes, position: int) -> tuple[int, int]:
    """Read the size of an array's or map's next block; an item has at least one byte."""
    count, position = read_long(buffer, position)
    if count < 0:
        count = -count
        _, position = read_long(buffer, position)
    if count > len(buffer) - position:
        raise DecodeError(f"a block of {count} items leaves the record")
    return count, position


def read_array(
    buffer: bytes, position: int, item: Callable[[bytes, int], tuple[Any, int]]
) -> tuple[tuple[Any, ...], int]:
    """Read every block of an array."""
    items: list[Any] = []
    while True:
        count, position = _read_count(buffer, position)
        if not count:
            return tuple(items), position
        for _ in range(count):
            value, position = item(buffer, position)
            items.append(value)


def write_array(values: Sequence[Any], append: Append, item: Callable[[Any, Append], None]) -> None:
    """Write an array as one block."""
    if values:
        write_long(len(values), append)
        for value in values:
            item(value, append)
    append(b"\x00")


def read_text_map(buffer: bytes, position: int) -> tuple[dict[str, str], int]:
    """Read a map of texts."""
    found: dict[str, str] = {}
    while True:
        count, position = _read_count(buffer, position)
        if not count:
            return found, position
        for _ in range(count):
            key, position = read_string(buffer, position)
            found[key], position = read_string(buffer, position)


def write_text_map(values: Mapping[str, str], append: Append) -> None:
    """Write a map of texts, sorted, so that equal maps are equal bytes."""
    if values:
        write_long(len(values), append)
        for key in sorted(values):
            write_string(key, append)
            write_string(values[key], append)
    append(b"\x00")


PRIMITIVES: Mapping[str, Any] = {
    "new": tuple.__new__,
    "DecodeError": DecodeError,
    "read_long": read_long,
    "write_long": write_long,
    "read_bytes": read_bytes,
    "write_bytes": write_bytes,
    "read_string": read_string,
    "write_string": write_string,
    "short_text": short_text,
    "long_text": long_text,
    "read_boolean": read_boolean,
    "write_boolean": write_boolean,
    "read_double": read_double,
    "write_double": write_double,
    "read_array": read_array,
    "write_array": write_array,
    "read_text_map": read_text_map,
    "write_text_map": write_text_map,
}
