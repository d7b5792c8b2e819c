"""Events with a value of its own in every field, from the schema alone."""

import io
from collections.abc import Mapping
from itertools import count
from typing import Any
from uuid import UUID

import fastavro

from schemas.codec.catalog import latest
from schemas.codec.foreign import plain

T0 = 1_763_700_000_000_000
NAN = float("nan")


class Inventor:
    """Gives every field another value; every third double is NaN."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._named: dict[str, Any] = {}

    def event(self, event: str, **fields: Any) -> dict[str, Any]:
        made: dict[str, Any] = self._value("", latest(event).schema)
        return made | fields

    def _value(self, name: str, kind: Any) -> Any:
        kind = self._named.get(kind, kind) if isinstance(kind, str) else kind
        number = next(self._numbers)
        if isinstance(kind, Mapping):
            if "name" in kind:
                self._named[kind["name"]] = kind
            match kind["type"]:
                case "record":
                    return {each["name"]: self._value(each["name"], each["type"]) for each in kind["fields"]}
                case "array":
                    return [self._value("", kind["items"]) for _ in range(2)]
                case "map":
                    return {"rack": f"text-{number}"}
                case "enum":
                    return kind["symbols"][number % len(kind["symbols"])]
                case "long":
                    return T0 + number
                case other:
                    kind = other
        match kind:
            case "double":
                return NAN if number % 3 == 0 else number + 0.5
            case "long" | "int":
                return number
            case "string":
                return str(UUID(int=number)) if name == "id" else f"text-{number}"
            case "bytes":
                return b"bytes-%d" % number
            case "boolean":
                return number % 2 == 0
        raise AssertionError(f"no value for {kind}")


def body(event: str, value: Mapping[str, Any], schema: Mapping[str, Any] | None = None) -> bytes:
    """Return the Avro binary of an invented event."""
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(plain(schema or latest(event).schema)), value)
    return buffer.getvalue()
