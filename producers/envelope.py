"""A fact as the spool keeps it: which topic, key, event and schema version, then the Avro body, not framed.

The frame needs the registry's id, and the registry may be what is away. A body of an older version, left by
an earlier release of Penstock, is brought up to the newest one when it is read.
"""

import struct
from typing import NamedTuple

from schemas.codec import Codec, Event, packaged
from schemas.codec.catalog import EVENT_TYPES, latest
from schemas.codec.foreign import read_as_latest
from schemas.codec.serde import encode_body
from schemas.errors import DecodeError

_HEAD = struct.Struct(">HHHH")
_NAMES = {view: name for name, view in EVENT_TYPES.items()}


class Envelope(NamedTuple):
    """A fact on its way. ``topic`` is without the settings' prefix; ``body`` is of the newest schema."""

    topic: str
    key: str
    event: str
    body: bytes


class Encoded(NamedTuple):
    """An event whose Avro body, of its newest schema, is made already; ``event`` is its name."""

    event: str
    body: bytes


def event_name(event: Event | Encoded) -> str:
    """Return the name of an event, such as ``node_sample``."""
    return event.event if isinstance(event, Encoded) else _NAMES[type(event)]


def framed(codec: Codec, event: Event | Encoded) -> bytes:
    """Return the bytes to send."""
    return codec.frame(event.event, event.body) if isinstance(event, Encoded) else codec.encode(event)


def enclose(topic: str, key: str, event: Event | Encoded) -> bytes:
    """Return the bytes to spool. An event that can say that it was spooled says so."""
    name = event_name(event)
    texts = [text.encode() for text in (topic, key, name)]
    return _HEAD.pack(*map(len, texts), latest(name).version) + b"".join(texts) + _spooled_body(event)


def _spooled_body(event: Event | Encoded) -> bytes:
    if isinstance(event, Encoded):
        return event.body
    if "spooled" in event._fields:
        event = event._replace(spooled=True)  # type: ignore[call-arg,unused-ignore]  # checked above
    return encode_body(event)


def disclose(record: bytes) -> Envelope:
    """Return what ``enclose`` was given.

    Raises:
        DecodeError: the bytes are no envelope, or of a release newer than this one.
    """
    try:
        *sizes, version = _HEAD.unpack_from(record)
        texts, position = [], _HEAD.size
        for size in sizes:
            texts.append(record[position : position + size].decode())
            position += size
        topic, key, event = texts
        return Envelope(topic, key, event, upgraded(event, version, record[position:]))
    except (struct.error, UnicodeDecodeError, KeyError) as exc:
        raise DecodeError(f"not a spooled fact: {exc!r}") from exc


def upgraded(event: str, version: int, body: bytes) -> bytes:
    """Return a body of some version of an event as one of its newest.

    Raises:
        DecodeError: the version is of a release newer than this one, or the bytes are not of it.
    """
    if version == latest(event).version:
        return body
    writer = next((release for release in packaged()[event] if release.version == version), None)
    if writer is None:
        raise DecodeError(f"version {version} of {event} is not known here")
    try:
        return encode_body(read_as_latest(event, writer.schema, body)[0])
    except Exception as exc:
        raise DecodeError(f"not version {version} of {event}: {exc}") from exc
