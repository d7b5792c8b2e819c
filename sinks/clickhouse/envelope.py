"""The bytes of an event with its Kafka coordinates around them, without decoding the event.

ClickHouse reads ``AvroConfluent``, and the body of an event does not say where in Kafka it is. A second
schema, derived from the event's own, has the coordinates before its fields and a mark behind them. A record
of it is made by concatenation: prefix, coordinates, the event's body as it came, mark.

The mark is a number nobody can guess, equal at both ends and new for every insertion. Avro bodies do not say
where they end, so without it one record with a few bytes too many or too few could pass for two, or swallow
the next; the tables have a constraint that both marks are equal.
"""

import json
import secrets
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.codec import frame
from schemas.codec.catalog import Packaged
from schemas.codec.primitives import write_bytes, write_long

# Offsets and times as doubles: fixed width, one struct call, and exact below 2**53.
_BEFORE: Sequence[tuple[str, str]] = (
    ("kafka_head", "long"),
    ("kafka_topic", "string"),
    ("kafka_partition", "int"),
    ("kafka_offset", "double"),
    ("kafka_arrived_at", "double"),
)
_AFTER = ("kafka_tail", "long")
_PLACE = struct.Struct("<dd")


class Enclosed(NamedTuple):
    """One event to insert: where it is in Kafka, when it came (ms since the epoch), and its Avro body."""

    partition: int
    offset: int
    timestamp: int
    body: bytes


def subject(release: Packaged) -> str:
    """Return the registry's subject of an event's stored form."""
    return f"{release.schema['namespace']}.stored.{release.schema['name']}"


def stored_schema(schema: Mapping[str, Any]) -> str:
    """Return the schema of an event in its envelope, derived from the event's own."""
    before = [{"name": name, "type": kind} for name, kind in _BEFORE]
    after = {"name": _AFTER[0], "type": _AFTER[1]}
    fields = [*before, *schema["fields"], after]
    return json.dumps({**schema, "name": f"Stored{schema['name']}", "fields": fields})


def enclose(schema_id: int, topic: str, events: Iterable[Enclosed]) -> bytes:
    """Return the bytes of an insertion, in the order given."""
    mark = _long(secrets.randbits(62))
    start = frame(schema_id, mark) + _text(topic)
    starts: dict[int, bytes] = {}
    parts: list[bytes] = []
    pack = _PLACE.pack
    for partition, offset, timestamp, body in events:
        head = starts.get(partition)
        if head is None:
            head = starts[partition] = start + _long(partition)
        parts += (head, pack(offset, timestamp * 1000.0), body, mark)
    return b"".join(parts)


def blank(schema: Mapping[str, Any]) -> bytes:
    """Return the body of an event with nothing in it: zeros, empty texts, empty arrays."""
    named: dict[str, Any] = {}
    parts: list[bytes] = []
    _blank(schema, named, parts)
    return b"".join(parts)


def _blank(kind: Any, named: dict[str, Any], parts: list[bytes]) -> None:  # noqa: ANN401 - Avro is JSON
    kind = named.get(kind, kind) if isinstance(kind, str) else kind
    if isinstance(kind, Mapping):
        if "name" in kind:
            named[kind["name"]] = kind
        if kind["type"] == "record":
            for field in kind["fields"]:
                _blank(field["type"], named, parts)
            return
        kind = kind["type"]
    width = {"double": 8, "float": 4}.get(kind, 1)
    parts.append(bytes(width))


def _long(value: int) -> bytes:
    parts: list[bytes] = []
    write_long(value, parts.append)
    return b"".join(parts)


def _text(value: str) -> bytes:
    parts: list[bytes] = []
    write_bytes(value.encode(), parts.append)
    return b"".join(parts)
