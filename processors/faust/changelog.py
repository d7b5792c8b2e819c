"""The records of a stage's own topic: stored copies of states, and one marker for each partition.

Keys begin with a byte that says which of the two it is, so that no node can be called like the marker. The
topic is compacted; a transaction writes copies and marker together, so what is read back fits together.
"""

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import Generic, TypeVar

from processors.faust.letters import NO_LETTERS, Cap
from processors.faust.memory import NEVER, Checkpoint, Memory, Stored
from schemas.errors import DecodeError

State = TypeVar("State")
Written = tuple[bytes, bytes | None]

MARKER_KEY = b"m"
_COPY = b"k"
_HEAD = struct.Struct(">q?")


@dataclass(frozen=True, slots=True)
class Marker:
    """Where a partition stands: outputs are written to ``done``, states can be found from ``begin`` on.

    ``topic_id`` says of which topic these are offsets: the source may have been deleted and made again.
    ``refused`` gives the last offset given up for each schema id that the registry did not know, so that the
    record stays given up when the registry has learnt it since.
    """

    topic_id: str = ""
    begin: int = 0
    done: int = NEVER
    cap: Cap = NO_LETTERS
    refused: dict[int, int] = field(default_factory=dict)

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
            found["refused"] = {int(schema_id): at for schema_id, at in found["refused"].items()}
            return cls(**{name.name: found[name.name] for name in fields(cls)})
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise DecodeError(f"the marker is of another version: {exc}") from exc


def written(checkpoint: Checkpoint, marker: Marker) -> Iterator[Written]:
    """Return the records of a checkpoint, the marker last."""
    for key, copy in checkpoint.copies:
        yield _COPY + key.encode(), None if copy is None else _value(copy)
    yield MARKER_KEY, marker.encode()


def _value(copy: Stored) -> bytes:
    return _HEAD.pack(copy.offset, copy.raw is not None) + (copy.raw or b"")


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
        if copy is not None:
            unreadable += not _restore(memory, key, copy)
    memory.restored(marker.begin - 1)
    return Found(memory, marker, unreadable)


def _restore(memory: Memory[State], key: bytes, value: bytes) -> bool:
    try:
        offset, alive = _HEAD.unpack_from(value)
        memory.restore(key[1:].decode(), Stored(offset, value[_HEAD.size :] if alive else None))
    except (DecodeError, UnicodeDecodeError, struct.error):
        return False
    return True
