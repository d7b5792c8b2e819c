import json
from itertools import islice
from typing import Any

import pytest

from infra.embedded.registry.normal_form import DEEPEST, candidate_ids, parse
from infra.embedded.registry.problem import Problem
from schemas.codec.catalog import packaged


def _id(schema: Any) -> int:
    return next(candidate_ids(parse(json.dumps(schema)).normal))


def _record(**field: Any) -> dict[str, Any]:
    return {
        "type": "record",
        "name": "R",
        "namespace": "n",
        "fields": [{"name": "f", "type": "long"} | field],
    }


def test_what_changes_no_byte_changes_no_id() -> None:
    first = _record()
    assert _id(first) == _id(_record(doc="other words"))
    assert _id(first) == _id(_record(order="ignore"))
    assert _id(first) == _id({key: first[key] for key in reversed(first)})
    assert _id(first) == _id({"type": "record", "name": "n.R", "fields": first["fields"]})
    assert _id(first) == _id(_record(type={"type": "long"}))


def test_what_changes_reading_changes_the_id() -> None:
    variants = [
        _record(),
        _record(default=0),
        _record(default=1),
        _record(type={"type": "long", "logicalType": "timestamp-micros"}),
        _record(type={"type": "long", "logicalType": "timestamp-millis"}),
        _record(aliases=["g"]),
        _record(name="g"),
        _record(type="int"),
        _record(type=["null", "long"]),
        _record(type=["long", "null"]),
        _record() | {"aliases": ["Old"]},
        _record() | {"namespace": "m"},
    ]
    assert len({_id(each) for each in variants}) == len(variants)


def test_names_resolve_in_the_namespace_around_them() -> None:
    inner = {"type": "enum", "name": "E", "symbols": ["a"]}
    short = {
        "type": "record",
        "name": "n.R",
        "fields": [{"name": "x", "type": inner}, {"name": "y", "type": {"type": "array", "items": "E"}}],
    }
    full = json.loads(json.dumps(short).replace('"E"', '"n.E"'))
    assert _id(short) == _id(full)


def test_ids_fit_a_positive_java_int_and_stay_as_released() -> None:
    ids = [_id(release.schema) for event in packaged().values() for release in event]
    assert len(set(ids)) == len(ids)
    assert all(0 < each < 2**31 for each in ids)
    assert _id("string") == 1728366386, "a change here changes every id: records could not be read any more"


def test_a_collision_takes_the_next_candidate() -> None:
    assert len(set(islice(candidate_ids('"string"'), 5))) == 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nonsense",
        '"nonsense"',
        "null",
        "7",
        "{}",
        '{"type": "record"}',
        '{"type": "record", "name": "R"}',
        '{"type": "record", "name": "R", "fields": [{"name": "f"}]}',
        '{"type": "record", "name": "R", "fields": 7}',
        '{"type": "record", "name": "R", "fields": [7]}',
        '{"type": "record", "name": "R", "fields": [{"name": "f", "type": "double", "default": NaN}]}',
        '{"type": "enum", "name": "E", "symbols": "a"}',
        '{"type": "fixed", "name": "F", "size": "x"}',
        '{"type": "enum", "name": "E", "symbols": [1]}',
        '{"type": "enum", "name": "E", "symbols": []}',
        '{"type": "enum", "name": "E", "symbols": ["a"], "default": "b"}',
        '{"type": "fixed", "name": "F", "size": -1}',
        '{"type": ["record"]}',
        '{"type": null}',
        "[" * 100_000,
        '{"type":"array","items":' * DEEPEST + '"int"' + "}" * DEEPEST,
    ],
)
def test_what_is_no_schema_is_refused(text: str) -> None:
    with pytest.raises(Problem) as refusal:
        parse(text)
    assert refusal.value.error_code == 42201
