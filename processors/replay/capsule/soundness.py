"""Schemas that a capsule may bring: each value of theirs takes bytes, so a count cannot make endless work.

An array of a billion nulls is five bytes of Avro, and a decoder would walk through all of it.
"""

import json
from typing import Any

DEEPEST = 50


def is_sound(text: str) -> bool:
    """Return whether a schema is an Avro record of which nothing is without bytes."""
    try:
        schema = json.loads(text)
        return isinstance(schema, dict) and schema["type"] == "record" and _has_bytes(schema, DEEPEST)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _has_bytes(kind: Any, left: int) -> bool:  # noqa: ANN401 - Avro is JSON
    if not left:
        return False
    if isinstance(kind, list):  # which of them it is takes a byte
        return all(one == "null" or _has_bytes(one, left - 1) for one in kind) and bool(kind)
    if isinstance(kind, str):
        return kind != "null"
    match kind["type"]:
        case "record":
            fields = kind["fields"]
            return bool(fields) and all(_has_bytes(field["type"], left - 1) for field in fields)
        case "array":
            return _has_bytes(kind["items"], left - 1)
        case "map":
            return _has_bytes(kind["values"], left - 1)
        case "fixed":
            return bool(kind["size"] > 0)
        case "enum":
            return True
        case other:
            return _has_bytes(other, left - 1)
