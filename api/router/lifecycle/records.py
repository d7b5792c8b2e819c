"""How the journal writes facts: batches that are whole or not there, each fact with its kind and version.

A frame is the length and CRC-32 of a batch. A batch begins with its flag, how many facts of this run were no
longer in memory alone when it was written, the time, and the number of its first fact. ``FRESH`` is the first
batch of a run: it says again all that still mattered of the runs before.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from api.router.lifecycle.lives import RequestEvent
from producers.envelope import event_name, upgraded
from schemas.codec.catalog import latest
from schemas.codec.serde import decode_body, encode_body

KINDS = (
    "request_received",
    "request_admitted",
    "request_routed",
    "request_first_token",
    "request_finished",
)
WILL = len(KINDS)
"""What would be the end of an open request: it is never sent, and is not counted among the facts."""
_EVENTS = (*KINDS, "request_finished")
_VERSIONS = tuple(latest(event).version for event in _EVENTS)
_KIND_OF = {event: kind for kind, event in enumerate(KINDS)}

FRAME = struct.Struct(">II")
_HEAD = struct.Struct(">BQqQ")
_RECORD = struct.Struct(">IBB")
LIMIT_BYTES = 1 << 30
CONTINUED, FRESH = range(2)


class Entry(NamedTuple):
    """A fact as it is written; ``key`` is empty for a will."""

    kind: int
    key: str
    body: bytes


class Batch(NamedTuple):
    """What was written at once; times are µs since the epoch."""

    fresh: bool
    settled: int
    at_us: int
    first: int
    records: tuple[tuple[int, int, bytes], ...]


def entry(event: RequestEvent, *, will: bool = False) -> Entry:
    """Return an event as it is written."""
    body = encode_body(event)
    return Entry(WILL, "", body) if will else Entry(_KIND_OF[event_name(event)], event.request_id, body)


def event_of(kind: int, version: int, body: bytes) -> tuple[RequestEvent, bytes]:
    """Return the event of a record, and its body by the newest schema.

    Raises:
        DecodeError: it is of a newer release, or no event.
    """
    newest = upgraded(_EVENTS[kind], version, body)
    event = decode_body(_EVENTS[kind], newest)
    assert isinstance(event, RequestEvent)
    return event, newest


def frame(flag: int, settled: int, at_us: int, first: int, entries: Iterable[Entry]) -> bytes:
    """Return the bytes of a batch."""
    parts = [_HEAD.pack(flag, settled, at_us, first)]
    for kind, _, body in entries:
        parts.append(_RECORD.pack(len(body), kind, _VERSIONS[kind]))
        parts.append(body)
    payload = b"".join(parts)
    return FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def batches(content: bytes) -> Iterator[tuple[Batch, int]]:
    """Yield the batches, and where each ends, up to the first that is torn or damaged."""
    position = 0
    while position + FRAME.size <= len(content):
        length, checksum = FRAME.unpack_from(content, position)
        begin, position = position + FRAME.size, position + FRAME.size + length
        payload = content[begin:position]
        if (
            not _HEAD.size <= length <= LIMIT_BYTES
            or len(payload) < length
            or zlib.crc32(payload) != checksum
        ):
            return
        yield _batch(payload), position


def _batch(payload: bytes) -> Batch:
    flag, settled, at_us, first = _HEAD.unpack_from(payload)
    records, position = [], _HEAD.size
    while position < len(payload):
        size, kind, version = _RECORD.unpack_from(payload, position)
        position += _RECORD.size + size
        records.append((kind, version, payload[position - size : position]))
    return Batch(flag == FRESH, settled, at_us, first, tuple(records))
