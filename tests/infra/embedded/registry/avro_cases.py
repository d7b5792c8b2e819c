"""Pairs of schemas for the property tests, and data that cover every choice a schema leaves."""

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Json = Any

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
_EXAMPLE: dict[str, Json] = {
    "null": None,
    "boolean": True,
    "int": 7,
    "long": 7,
    "float": 0.5,
    "double": 0.5,
    "bytes": b"x",
    "string": "x",
}
_SYMBOLS = ("a", "b", "c")


@st.composite
def schemas(draw: st.DrawFn, path: str = "T", depth: int = 2) -> Json:
    """A schema; a kind of type at one path has one name, so that two drawings can be reader and writer.

    The kind is in the name because fastavro 1.13 compares names alone: it reads a fixed as an enum.
    """
    kinds = ["primitive", "enum", "fixed", *(["record", "array", "map", "union"] if depth else [])]
    match draw(st.sampled_from(kinds)):
        case "enum":
            symbols = draw(st.lists(st.sampled_from(_SYMBOLS), min_size=1, unique=True))
            default = {"default": symbols[0]} if draw(st.booleans()) else {}
            return {"type": "enum", "name": f"Enum{path}", "symbols": symbols} | default
        case "fixed":
            return {"type": "fixed", "name": f"Fixed{path}", "size": draw(st.integers(1, 2))}
        case "record":
            names = draw(st.lists(st.sampled_from("xyz"), unique=True))
            fields = [draw(_fields(f"{path}_{name}", name, depth - 1)) for name in names]
            return {"type": "record", "name": f"Record{path}", "fields": fields}
        case "array":
            return {"type": "array", "items": draw(schemas(f"{path}_i", depth - 1))}
        case "map":
            return {"type": "map", "values": draw(schemas(f"{path}_v", depth - 1))}
        case "union":
            branches = draw(st.lists(st.sampled_from(PRIMITIVES), min_size=1, max_size=3, unique=True))
            named = draw(
                st.lists(schemas(f"{path}_u", 0).filter(lambda found: isinstance(found, dict)), max_size=1)
            )
            return branches + named
        case _:
            return draw(st.sampled_from(PRIMITIVES))


@st.composite
def _fields(draw: st.DrawFn, path: str, name: str, depth: int) -> Json:
    kind = draw(schemas(path, depth))
    default = {"default": _EXAMPLE[kind]} if kind in ("int", "string") and draw(st.booleans()) else {}
    aliases = {"aliases": [draw(st.sampled_from("xyz"))]} if draw(st.booleans()) else {}
    return {"name": name, "type": kind} | default | aliases


def covering(schema: Json) -> Iterator[Json]:
    """Yield data in which each symbol, each branch and each field's choices occur."""
    if isinstance(schema, str):
        yield _EXAMPLE[schema]
    elif isinstance(schema, list):
        for branch in schema:
            for datum in covering(branch):
                yield (branch["name"] if isinstance(branch, dict) else branch, datum)
    else:
        yield from _covering_complex(schema)


def _covering_complex(schema: Json) -> Iterator[Json]:
    match schema["type"]:
        case "enum":
            yield from schema["symbols"]
        case "fixed":
            yield b"\0" * schema["size"]
        case "array":
            yield from ([datum] for datum in covering(schema["items"]))
        case "map":
            yield from ({"key": datum} for datum in covering(schema["values"]))
        case _:
            plain = {each["name"]: next(covering(each["type"])) for each in schema["fields"]}
            yield plain
            for each in schema["fields"]:
                yield from (plain | {each["name"]: datum} for datum in covering(each["type"]))
