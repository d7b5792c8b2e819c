"""Events that another version of Penstock wrote: read by the writer's schema, resolved to ours."""

import io
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from schemas.codec.catalog import VIEWS, Event, latest, packaged
from schemas.codec.framing import PREFIX_BYTES
from schemas.errors import DecodeError


def foreign_reader(schema: str) -> Callable[[bytes], Event]:
    """Return a reader of framed values that were written with ``schema``.

    A schema of no event of ours, or one that does not resolve to ours, gives a reader that always raises
    ``DecodeError``: the records are dead letters, and the partition goes on.
    """
    try:
        writer = json.loads(schema)
        full_name = f"{writer['namespace']}.{writer['name']}"
    except (ValueError, TypeError, KeyError):
        return _refusing("its schema is not an Avro record")
    event = next((name for name, all_ in packaged().items() if all_[-1].subject == full_name), None)
    if event is None:
        return _refusing(f"schema {full_name} is no event of Penstock")
    return _resolving(event, writer)


def read_as_latest(event: str, writer: Mapping[str, Any], body: bytes) -> tuple[Event, int]:
    """Return the event in an Avro body written with an older schema, and where it ends."""
    import fastavro  # not above: the agent of every node would carry its 10 MB and never read a foreign event

    ours = latest(event).schema
    buffer = io.BytesIO(body)
    found = fastavro.schemaless_reader(
        buffer, fastavro.parse_schema(plain(writer)), fastavro.parse_schema(plain(ours))
    )
    return view_of(event, cast(Mapping[str, Any], found)), buffer.tell()


def view_of(event: str, found: Mapping[str, Any]) -> Event:
    """Return the typed view of an event that fastavro read by the newest schema, without logical types."""
    ours = latest(event).schema
    return cast(Event, _view(ours, found, _named_types(ours)))


def plain(schema: Any) -> Any:  # noqa: ANN401 - Avro is JSON
    """Return the schema without logical types, so that times stay microseconds."""
    if isinstance(schema, Mapping):
        return {key: plain(value) for key, value in schema.items() if key != "logicalType"}
    if isinstance(schema, list):
        return [plain(value) for value in schema]
    return schema


def _refusing(reason: str) -> Callable[[bytes], Event]:
    def reader(value: bytes) -> Event:
        raise DecodeError(reason)

    return reader


def _resolving(event: str, writer: Mapping[str, Any]) -> Callable[[bytes], Event]:
    def reader(value: bytes) -> Event:
        body = value[PREFIX_BYTES:]
        try:
            found, end = read_as_latest(event, writer, body)
        except Exception as exc:
            raise DecodeError(f"not a {event} of its writer: {type(exc).__name__} {exc}") from exc
        if end != len(body):
            raise DecodeError(f"{len(body) - end} bytes are left over after a {event}")
        return found

    return reader


def _named_types(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - Avro is JSON
    found: dict[str, Any] = {}
    if isinstance(kind, Mapping):
        if kind.get("type") == "record":
            found[kind["name"]] = kind
            for field in kind["fields"]:
                found |= _named_types(field["type"])
        elif kind.get("type") == "array":
            found |= _named_types(kind["items"])
    return found


def _view(kind: Any, value: Any, types: Mapping[str, Any]) -> Any:  # noqa: ANN401 - Avro is JSON
    """Turn fastavro's dicts and lists into typed views and tuples."""
    if isinstance(value, list):
        return tuple(_view(kind["items"], item, types) for item in value)
    record = types.get(kind if isinstance(kind, str) else kind.get("name", ""))
    if record is None:
        return value
    fields = (_view(field["type"], value[field["name"]], types) for field in record["fields"])
    return tuple.__new__(VIEWS[record["name"]], fields)
