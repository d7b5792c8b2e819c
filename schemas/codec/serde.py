"""The codec of one process: packaged schemas compiled, schemas of other writers read through fastavro."""

import struct
from collections.abc import Callable, Mapping
from functools import cache
from typing import cast

from schemas.codec.catalog import EVENT_TYPES, VIEWS, Event, latest
from schemas.codec.compiler import Compiler
from schemas.codec.foreign import foreign_reader
from schemas.codec.framing import PREFIX_BYTES, frame, schema_id_of
from schemas.errors import DecodeError, OversizedError, UnknownSchemaError

# A sample of 64 accelerators is under 20 kB; more than this is no event of ours.
EVENT_LIMIT_BYTES = 1 << 20

_EVENT_OF: Mapping[type, str] = {view: name for name, view in EVENT_TYPES.items()}
# What reading hostile bytes can raise; everything else is our own error.
_BAD_BYTES = (struct.error, IndexError, UnicodeDecodeError, OverflowError, MemoryError)


@cache
def _compiled(event: str) -> Compiler:
    return Compiler(latest(event).schema, VIEWS)


def encode_body(event: Event) -> bytes:
    """Return the Avro binary of an event by its newest packaged schema, without framing."""
    parts: list[bytes] = []
    _compiled(_EVENT_OF[type(event)]).write(event, parts.append)
    return b"".join(parts)


def decode_body(event: str, body: bytes, start: int = 0) -> Event:
    """Read the newest packaged schema of an event from ``start`` to the end.

    Raises:
        DecodeError: the bytes do not fit, or some are left over.
    """
    try:
        value, end = _compiled(event).read(body, start)
    except _BAD_BYTES as exc:
        raise DecodeError(f"not a {event}: {exc}") from exc
    if end != len(body):
        raise DecodeError(f"{len(body) - end} bytes are left over after a {event}")
    return cast(Event, value)


class Codec:
    """Frames, unframes, and remembers which id means which schema.

    ``ids`` gives the registry's id of each event's newest packaged schema. Another id raises
    ``UnknownSchemaError``; fetch it from the registry, ``learn`` it, and decode again.
    """

    def __init__(self, ids: Mapping[str, int]) -> None:
        self._ids = dict(ids)
        self._readers: dict[int, Callable[[bytes], Event]] = {
            schema_id: _reader_of(event) for event, schema_id in ids.items()
        }

    def encode(self, event: Event) -> bytes:
        """Return the framed bytes of an event."""
        return frame(self._ids[_EVENT_OF[type(event)]], encode_body(event))

    def frame(self, event: str, body: bytes) -> bytes:
        """Put the prefix of an event's newest schema before a body from ``encode_body``."""
        return frame(self._ids[event], body)

    def decode(self, value: bytes) -> Event:
        """Return the event in a framed value.

        Raises:
            DecodeError: the value is not framed or does not fit the schema it names.
            OversizedError: the value is larger than any event may be.
            UnknownSchemaError: the id has not been learnt.
        """
        if len(value) > EVENT_LIMIT_BYTES:
            raise OversizedError(len(value), EVENT_LIMIT_BYTES)
        schema_id = schema_id_of(value)
        reader = self._readers.get(schema_id)
        if reader is None:
            raise UnknownSchemaError(schema_id)
        return reader(value)

    def learn(self, schema_id: int, schema: str) -> None:
        """Remember another writer's schema, resolved to our newest one when it is read."""
        self._readers[schema_id] = foreign_reader(schema)


def _reader_of(event: str) -> Callable[[bytes], Event]:
    read = _compiled(event).read
    size = len

    def reader(value: bytes) -> Event:
        try:
            found, end = read(value, PREFIX_BYTES)
        except _BAD_BYTES as exc:
            raise DecodeError(f"not a {event}: {exc}") from exc
        if end != size(value):
            raise DecodeError(f"{size(value) - end} bytes are left over after a {event}")
        return cast(Event, found)

    return reader
