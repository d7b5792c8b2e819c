"""Events as JSON: NaN becomes null, times RFC 3339; and the JSON Schema of it, from the same ``.avsc``."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from schemas.codec.catalog import VIEWS, latest, packaged

_TIME = {"type": "string", "format": "date-time"}
_SIMPLE: Mapping[str, Mapping[str, Any]] = {
    "string": {"type": "string"},
    "bytes": {"type": "string"},
    "boolean": {"type": "boolean"},
    "int": {"type": "integer"},
    "long": {"type": "integer"},
    "float": {"type": ["number", "null"]},
    "double": {"type": ["number", "null"]},
}


def rfc3339(micros: int) -> str:
    """Return µs since the epoch as RFC 3339, UTC."""
    at = datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def plain(value: Any) -> Any:  # noqa: ANN401 - an event or any part of one
    """Return an event, or a part of one, as what JSON can hold."""
    if isinstance(value, float):
        return value if value - value == 0 else None  # neither NaN nor infinite
    if not isinstance(value, tuple):
        return value if not isinstance(value, Mapping) else dict(value)
    if not hasattr(value, "_fields"):
        return [plain(item) for item in value]
    times = _times()[type(value)]
    return {
        name: _time(item) if name in times else plain(item)
        for name, item in zip(value._fields, value, strict=True)
    }


def _time(micros: int) -> str | None:
    """Return a time; null where there is none, or one that no calendar has."""
    try:
        return rfc3339(micros) if micros > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def times_of(view: type) -> frozenset[str]:
    """Return which fields of an event, or of a part of one, are times."""
    return _times()[view]


def json_schema(event: str) -> dict[str, Any]:
    """Return the JSON Schema of what ``plain`` makes of an event, with units from its ``.avsc``."""
    return _schema_of(latest(event).schema, {})


def _schema_of(kind: Any, seen: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - Avro is JSON
    if isinstance(kind, str):
        return dict(_SIMPLE[kind] if kind in _SIMPLE else seen[kind])
    if kind["type"] == "array":
        return {"type": "array", "items": _schema_of(kind["items"], seen)}
    if kind["type"] == "map":
        return {"type": "object", "additionalProperties": _schema_of(kind["values"], seen)}
    if kind["type"] == "enum":
        made: dict[str, Any] = {"type": "string", "enum": kind["symbols"]}
    elif kind["type"] == "record":
        fields = {field["name"]: _field(field, seen) for field in kind["fields"]}
        made = {"type": "object", "description": kind.get("doc", ""), "properties": fields}
    else:
        return dict(_TIME if _is_time(kind) else _SIMPLE[kind["type"]])
    seen[kind["name"]] = made
    return made


def _field(field: Mapping[str, Any], seen: dict[str, Any]) -> dict[str, Any]:
    doc = {"description": field["doc"]} if "doc" in field else {}
    return {**_schema_of(field["type"], seen), **doc}


def _is_time(kind: Any) -> bool:  # noqa: ANN401 - Avro is JSON
    return isinstance(kind, Mapping) and kind.get("logicalType") == "timestamp-micros"


@cache
def _times() -> Mapping[type, frozenset[str]]:
    """Return, for each view, which of its fields are times."""
    found: dict[type, frozenset[str]] = dict.fromkeys(VIEWS.values(), frozenset())
    waiting: list[Any] = [latest(event).schema for event in packaged()]
    while waiting:
        kind = waiting.pop()
        if not isinstance(kind, Mapping):
            continue
        if kind["type"] == "record":
            fields = kind["fields"]
            found[VIEWS[kind["name"]]] = frozenset(f["name"] for f in fields if _is_time(f["type"]))
            waiting.extend(field["type"] for field in fields)
        waiting.append(kind.get("items"))
    return found
