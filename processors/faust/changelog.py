"""The records of a stage's own topic: stored copies of states, and one marker for each partition.

Keys begin with a byte that says which of the two it is, so that no node can be called like the marker. The
topic is compacted; a transaction writes copies and marker together, so what is read back fits together.

A broker takes records of up to 1 MiB. A copy that is larger is written in parts, each a record of its own,
with the offset of the copy in every one of them; parts of an older copy that was longer are passed over.
"""

import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Generic, TypeVar

from processors.faust.hour import NO_HOUR, Hour
from processors.faust.letters import NO_LETTERS, Cap
from processors.faust.memory import NEVER, Checkpoint, Memory, Stored
from schemas.errors import DecodeError

State = TypeVar("State")
Written = tuple[bytes, bytes | None]

MARKER_KEY = b"m"
PART_BYTES = 512 * 1024
_COPY = b"k"
_PART = b"p"
# The offset the copy stands at, and what follows: nothing (a grave), the state, or the number of its parts.
_HEAD = struct.Struct(">qB")
_GRAVE, _WHOLE, _IN_PARTS = 0, 1, 2
_COUNT = struct.Struct(">H")
_OFFSET = struct.Struct(">q")


@dataclass(frozen=True, slots=True)
class Marker:
    """Where a partition stands: outputs are written to ``done``, states can be found from ``begin`` on.

    ``topic_id`` says of which topic these are offsets: the source may have been deleted and made again.
    ``refused`` gives the last offset given up for each schema id that the registry did not know, so that the
    record stays given up when the registry has learnt it since. ``hour`` is that of the last record done.
    """

    topic_id: str = ""
    begin: int = 0
    done: int = NEVER
    cap: Cap = NO_LETTERS
    refused: dict[int, int] = field(default_factory=dict)
    hour: Hour = NO_HOUR

    def encode(self) -> bytes:
        """Return the marker as JSON."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def decode(cls, value: bytes) -> "Marker":
        """Return the marker of ``encode``.

        Raises:
            DecodeError: another version of Penstock wrote it.
        """
        try:
            found = json.loads(value)
            found["cap"] = Cap(*found["cap"])
            # Markers of before there were snapshots have none.
            found["hour"] = Hour(*found.get("hour", NO_HOUR))
            found["refused"] = {int(schema_id): at for schema_id, at in found["refused"].items()}
            return cls(**{name.name: found[name.name] for name in fields(cls)})
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise DecodeError(f"the marker is of another version: {exc}") from exc


def written(checkpoint: Checkpoint, marker: Marker) -> Iterator[Written]:
    """Return the records of a checkpoint, the marker last."""
    for key, copy in checkpoint.copies:
        if copy is None:
            yield _COPY + key.encode(), None
        else:
            yield from _records(key.encode(), copy)
    yield MARKER_KEY, marker.encode()


def _records(key: bytes, copy: Stored) -> Iterator[Written]:
    offset, raw = copy
    if raw is None:
        yield _COPY + key, _HEAD.pack(offset, _GRAVE)
    elif len(raw) <= PART_BYTES:
        yield _COPY + key, _HEAD.pack(offset, _WHOLE) + raw
    else:
        parts = [raw[start : start + PART_BYTES] for start in range(0, len(raw), PART_BYTES)]
        for number, part in enumerate(parts):
            yield _PART + _COUNT.pack(number) + key, _OFFSET.pack(offset) + part
        yield _COPY + key, _HEAD.pack(offset, _IN_PARTS) + _COUNT.pack(len(parts))


@dataclass(slots=True)
class Found(Generic[State]):
    """What a changelog holds: the memory as stored, the marker, and how many copies could not be read."""

    memory: Memory[State]
    marker: Marker
    unreadable: int


def read_back(memory: Memory[State], records: Iterable[Written]) -> Found[State]:
    """Take the newest record of every key into ``memory`` and return what was found.

    A copy of another version of the stage is dropped: its key starts again, as if never seen.

    Raises:
        DecodeError: the marker cannot be read.
    """
    newest = dict(records)
    value = newest.pop(MARKER_KEY, None)
    marker = Marker() if value is None else Marker.decode(value)
    unreadable = 0
    for key, copy in newest.items():
        if copy is not None and key.startswith(_COPY):
            unreadable += not _restore(memory, key, copy, newest)
    memory.restored(marker.begin - 1, marker.hour)
    return Found(memory, marker, unreadable)


def _restore(memory: Memory[State], key: bytes, value: bytes, newest: Mapping[bytes, bytes | None]) -> bool:
    try:
        offset, kind = _HEAD.unpack_from(value)
        raw: bytes | None = value[_HEAD.size :]
        if kind == _IN_PARTS:
            (count,) = _COUNT.unpack_from(value, _HEAD.size)
            raw = _put_together(key[1:], offset, count, newest)
        memory.restore(key[1:].decode(), Stored(offset, None if kind == _GRAVE else raw))
    except (DecodeError, UnicodeDecodeError, struct.error):
        return False
    return True


def _put_together(key: bytes, offset: int, count: int, newest: Mapping[bytes, bytes | None]) -> bytes:
    parts = [newest.get(_PART + _COUNT.pack(number) + key) or b"" for number in range(count)]
    if any(part[: _OFFSET.size] != _OFFSET.pack(offset) for part in parts):
        raise DecodeError("a part of the state is missing")
    return b"".join(part[_OFFSET.size :] for part in parts)
