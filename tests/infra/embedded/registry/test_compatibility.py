import io
import json
from typing import Any

import fastavro
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from infra.embedded.registry.compatibility import Level, unreadable, violations
from infra.embedded.registry.normal_form import Schema, parse
from tests.infra.embedded.registry.avro_cases import covering, schemas

Json = Any


def _schema(tree: Json) -> Schema:
    return parse(json.dumps(tree))


def _record(*fields: Json, name: str = "R", **more: Json) -> Json:
    return {"type": "record", "name": name, "fields": list(fields)} | more


def _field(name: str, kind: Json = "long", **more: Json) -> Json:
    return {"name": name, "type": kind} | more


def _enum(*symbols: str, **more: Json) -> Json:
    return {"type": "enum", "name": "E", "symbols": list(symbols)} | more


def _fixed(size: int, **more: Json) -> Json:
    return {"type": "fixed", "name": "F", "size": size} | more


_TREE = _record(_field("next", ["null", "R"]), _field("value", "int"))
_WIDER_TREE = _record(_field("next", ["null", "R"]), _field("value", "long"))
_NARROW_TREE = _record(_field("next", ["null", "R"]), _field("value", "string"))

READABLE = {
    "the same": (_record(_field("a")), _record(_field("a"))),
    "a field less": (_record(), _record(_field("a"))),
    "a field more, with default": (_record(_field("a", default=0)), _record()),
    "a default of null": (_record(_field("a", ["null", "long"], default=None)), _record()),
    "a field renamed, with alias": (_record(_field("b", aliases=["a"])), _record(_field("a"))),
    "fields in another order": (_record(_field("a"), _field("b")), _record(_field("b"), _field("a"))),
    "a record renamed, with alias": (_record(name="S", aliases=["R"]), _record()),
    "another namespace": (_record(name="n.R"), _record(name="m.R")),
    "int as long": ("long", "int"),
    "int as float": ("float", "int"),
    "int as double": ("double", "int"),
    "long as float": ("float", "long"),
    "long as double": ("double", "long"),
    "float as double": ("double", "float"),
    "bytes as string": ("string", "bytes"),
    "string as bytes": ("bytes", "string"),
    "a value as union": (["null", "long"], "int"),
    "a union whose branches all fit": ("double", ["int", "float"]),
    "a wider union": (["null", "long", "string"], ["string", "null"]),
    "a symbol more": (_enum("a", "b"), _enum("a")),
    "a symbol less, with default": (_enum("a", default="a"), _enum("a", "b")),
    "items promoted": ({"type": "array", "items": "long"}, {"type": "array", "items": "int"}),
    "values promoted": ({"type": "map", "values": "double"}, {"type": "map", "values": "float"}),
    "a recursive type": (_WIDER_TREE, _TREE),
}

UNREADABLE = {
    "a field more": (_record(_field("a")), _record()),
    "an alias that names nothing": (_record(_field("b", aliases=["c"])), _record(_field("a"))),
    "a field and its alias both there": (
        _record(_field("b", aliases=["a"])),
        _record(_field("a"), _field("b")),
    ),
    "one source for two fields": (
        _record(_field("a"), _field("b", aliases=["a"], default=0)),
        _record(_field("a")),
    ),
    "a record renamed": (_record(name="S"), _record()),
    "long as int": ("int", "long"),
    "double as float": ("float", "double"),
    "int as string": ("string", "int"),
    "null as int": ("int", "null"),
    "boolean as int": ("int", "boolean"),
    "a branch that does not fit": ("double", ["int", "string"]),
    "a narrower union": (["null", "long"], ["null", "long", "string"]),
    "a union as value": ("long", ["null", "long"]),
    "a symbol less": (_enum("a"), _enum("a", "b")),
    "another size": (_fixed(2), _fixed(1)),
    "fixed as bytes": ("bytes", _fixed(1)),
    "a fixed renamed": (_fixed(1), _fixed(1, name="G")),
    "items of another type": ({"type": "array", "items": "int"}, {"type": "array", "items": "string"}),
    "an array as map": ({"type": "map", "values": "int"}, {"type": "array", "items": "int"}),
    "a recursive type": (_NARROW_TREE, _TREE),
}


@pytest.mark.parametrize(("reader", "writer"), READABLE.values(), ids=READABLE)
def test_readable(reader: Json, writer: Json) -> None:
    assert unreadable(_schema(reader), _schema(writer)) == ()


@pytest.mark.parametrize(("reader", "writer"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable(reader: Json, writer: Json) -> None:
    assert unreadable(_schema(reader), _schema(writer))


def test_the_reason_names_the_place() -> None:
    deep = {"type": "array", "items": _record(_field("a", "int"), name="Inner")}
    changed = {"type": "array", "items": _record(_field("a", "string"), name="Inner")}
    (reason,) = unreadable(_schema(_record(_field("list", changed))), _schema(_record(_field("list", deep))))
    assert reason == "/fields/list/items/fields/a/: int cannot be read as string"


@settings(max_examples=400, deadline=None)
@given(schemas(), schemas())
def test_fastavro_agrees_on_unrelated_schemas(reader: Json, writer: Json) -> None:
    _assert_as_fastavro(reader, writer)


@settings(max_examples=400, deadline=None)
@given(schemas(), st.data())
def test_fastavro_agrees_on_neighbours(writer: Json, data: st.DataObject) -> None:
    _assert_as_fastavro(data.draw(_neighbour(writer)), writer)


@st.composite
def _neighbour(draw: st.DrawFn, tree: Json) -> Json:
    """The same schema with one part drawn anew."""
    if isinstance(tree, dict) and tree["type"] == "record" and tree["fields"] and draw(st.booleans()):
        index = draw(st.integers(0, len(tree["fields"]) - 1))
        fields = list(tree["fields"])
        if draw(st.booleans()):
            del fields[index]
        else:
            fields[index] = fields[index] | {"type": draw(_neighbour(fields[index]["type"]))}
            fields[index].pop("default", None)
        return tree | {"fields": fields}
    if isinstance(tree, dict) and tree["type"] in ("array", "map"):
        inner = "items" if tree["type"] == "array" else "values"
        return tree | {inner: draw(_neighbour(tree[inner]))}
    if isinstance(tree, dict) and tree["type"] == "enum":
        return draw(schemas(tree["name"], 0))
    return draw(schemas(depth=0))


def _assert_as_fastavro(reader: Json, writer: Json) -> None:
    assume(not _names_collide(reader))
    assume(not _names_collide(writer))
    ours = unreadable(_schema(reader), _schema(writer))
    assume(not any("ambiguous" in why for why in ours))
    theirs = [why for datum in covering(writer) if (why := _failure(reader, writer, datum))]
    assert bool(ours) == bool(theirs), (ours, theirs)


def _names_collide(tree: Json) -> bool:
    try:
        fastavro.parse_schema(tree)
    except fastavro.schema.SchemaParseException:
        return True
    return False


def _failure(reader: Json, writer: Json, datum: Json) -> str | None:
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, writer, datum)
    buffer.seek(0)
    try:
        fastavro.schemaless_reader(buffer, writer, reader)
    except Exception as exc:  # noqa: BLE001 - whatever it raises, it could not read
        return f"{datum!r}: {type(exc).__name__} {exc}"
    return None


_V1, _V2, _V3 = (
    _schema(_record(_field("a"))),
    _schema(_record(_field("a"), _field("b", default=0))),
    _schema(_record(_field("a"), _field("b"))),
)


@pytest.mark.parametrize(
    ("level", "earlier", "new", "allowed"),
    [
        ("NONE", [_V1], _schema("string"), True),
        ("BACKWARD", [_V1], _V2, True),
        ("BACKWARD", [_V1], _V3, False),
        ("BACKWARD", [_V1, _V2], _V3, True),
        ("BACKWARD_TRANSITIVE", [_V1, _V2], _V3, False),
        ("FORWARD", [_V1], _V3, True),
        ("FORWARD", [_V3], _V1, False),
        ("FORWARD", [_V3, _V2], _V1, True),
        ("FORWARD_TRANSITIVE", [_V3, _V2], _V1, False),
        ("FULL", [_V1], _V2, True),
        ("FULL", [_V1], _V3, False),
        ("FULL", [_V3], _V1, False),
        ("FULL_TRANSITIVE", [_V1, _V2], _V3, False),
        ("BACKWARD", [], _V3, True),
    ],
)
def test_levels(level: Level, earlier: list[Schema], new: Schema, allowed: bool) -> None:
    assert (not violations(new, earlier, level)) is allowed
