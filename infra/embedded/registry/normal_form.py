"""Schemas as values: the normal form of one, and the id that follows from it.

The id is derived from the normal form, so the same schema has the same id on every machine, whatever was
registered before it. Avro's own parsing canonical form will not do: it drops defaults and logical types, and
two versions that differ in those alone would get one id. Our normal form keeps everything except ``doc`` and
``order``, which change neither bytes nor reading; it writes names in full, sorts keys, and has no spaces. A
change of wording is therefore no new version.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import fastavro
from fastavro.schema import SchemaParseException, UnknownType

from infra.embedded.registry.problem import Problem, invalid_schema

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
NAMED = frozenset({"record", "error", "enum", "fixed"})
COMPLEX = NAMED | {"array", "map"}
# JSON levels: far beyond any schema in use, far below Python's recursion limit.
DEEPEST = 100
_DROPPED = frozenset({"doc", "order", "namespace"})

# A schema as parsed JSON: a name, a union, or an attribute map.
Json = Any


@dataclass(frozen=True, slots=True)
class Schema:
    """A valid schema: its text as it came, its normal form, and that as text."""

    text: str
    tree: Json
    normal: str


def parse(text: str) -> Schema:
    """Read a schema.

    Raises:
        Problem: 42201, it is no valid Avro schema.
    """
    try:
        raw = json.loads(text, parse_constant=_no_constant)
        _require_shallow(raw)
        fastavro.parse_schema(raw)
        tree = _normal(raw, "")
    except Problem:
        raise
    except RecursionError:
        raise invalid_schema("nested too deeply") from None
    except (SchemaParseException, UnknownType, ValueError, TypeError, KeyError, AttributeError) as exc:
        raise invalid_schema(f"{type(exc).__name__}: {exc}") from exc
    return Schema(text, tree, json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def candidate_ids(normal: str) -> Iterator[int]:
    """Yield ids from 1 to 2^31-1 for a normal form, best first; a second is for a collision only.

    31 bits: two of 100 schemas collide with a chance of 2 in a million, and then the later one takes its
    second candidate.
    """
    attempt = 0
    while True:
        digest = hashlib.sha256(f"{attempt}\n{normal}".encode()).digest()
        found = int.from_bytes(digest[:4]) & 0x7FFF_FFFF
        if found:
            yield found
        attempt += 1


def _require_shallow(raw: Json) -> None:
    level = [raw]
    for _ in range(DEEPEST):
        level = [inner for node in level for inner in _inner(node)]
        if not level:
            return
    raise invalid_schema(f"nested more than {DEEPEST} deep")


def _inner(node: Json) -> Iterable[Json]:
    return node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()


def _no_constant(name: str) -> NoReturn:
    raise invalid_schema(f"{name} is not JSON")


def _normal(node: Json, namespace: str) -> Json:
    if isinstance(node, str):
        return node if node in PRIMITIVES else _full(node, namespace)
    if isinstance(node, list):
        return [_normal(branch, namespace) for branch in node]
    kind = node["type"]
    if not isinstance(kind, str) or (kind not in NAMED and set(node) <= {"type", "doc"}):
        return _normal(kind, namespace)
    return _normal_map(node, kind, namespace)


def _normal_map(node: dict[str, Json], kind: str, namespace: str) -> Json:
    _require_sound(node, kind)
    kept = {key: value for key, value in node.items() if key not in _DROPPED}
    if kind in NAMED:
        kept["name"] = _full(node["name"], node.get("namespace", namespace))
        namespace = kept["name"].rpartition(".")[0]
        if "aliases" in node:
            kept["aliases"] = sorted(_full(alias, namespace) for alias in node["aliases"])
    if kind in ("record", "error"):
        kept["fields"] = [_normal_field(field, namespace) for field in node["fields"]]
    elif kind == "array":
        kept["items"] = _normal(node["items"], namespace)
    elif kind == "map":
        kept["values"] = _normal(node["values"], namespace)
    elif kind not in PRIMITIVES | COMPLEX:
        kept["type"] = _full(kind, namespace)
    return kept


def _require_sound(node: dict[str, Json], kind: str) -> None:
    """Refuse what fastavro 1.13 lets pass and no reader could use."""
    if kind == "fixed" and not (isinstance(node["size"], int) and node["size"] >= 0):
        raise invalid_schema(f"{node['name']}: the size of a fixed is a number of bytes")
    if kind != "enum":
        return
    symbols = node["symbols"]
    if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
        raise invalid_schema(f"{node['name']}: the symbols of an enum are a list of names")
    if node.get("default", next(iter(symbols), None)) not in symbols:
        raise invalid_schema(f"{node['name']}: the default of an enum is one of its symbols")


def _normal_field(field: dict[str, Json], namespace: str) -> Json:
    kept = {key: value for key, value in field.items() if key not in _DROPPED}
    kept["type"] = _normal(field["type"], namespace)
    if "aliases" in field:
        kept["aliases"] = sorted(field["aliases"])
    return kept


def _full(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"
