"""An event with a value of its own in every field and two items in every array, from its schema alone."""

from itertools import count
from typing import Any

from schemas.codec.catalog import VIEWS, latest
from tests.samples import T0


def invented(event: str) -> Any:
    """Return the event; the same schema gives the same values."""
    return _value(latest(event).schema, count(1), {})


def _value(kind: Any, numbers: "count[int]", named: dict[str, Any]) -> Any:
    kind = named.get(kind, kind) if isinstance(kind, str) else kind
    number = next(numbers)
    if isinstance(kind, str):
        return {
            "double": number + 0.5,
            "long": number,
            "int": number,
            "string": f"text-{number}",
            "bytes": b"bytes-%d" % number,
            "boolean": number % 2 == 0,
        }[kind]
    if "name" in kind:
        named[kind["name"]] = kind
    match kind["type"]:
        case "record":
            values = [_value(field["type"], numbers, named) for field in kind["fields"]]
            return tuple.__new__(VIEWS[kind["name"]], values)
        case "array":
            return tuple(_value(kind["items"], numbers, named) for _ in range(2))
        case "map":
            return {"rack": f"text-{number}"}
        case "enum":
            return kind["symbols"][number % len(kind["symbols"])]
        case logical:
            return T0 + number if kind.get("logicalType") else _value(logical, numbers, named)
