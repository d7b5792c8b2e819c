"""Schemas, views and golden bytes agree; a released version stays readable."""

import json
import typing
from pathlib import Path
from typing import Any

import pytest

from schemas.codec import EVENT_TYPES, packaged
from schemas.codec.catalog import VIEWS, latest
from schemas.codec.foreign import read_as_latest
from schemas.codec.serde import encode_body
from tests.schemas.golden.make import GOLDEN, events

RELEASES = [release for all_ in packaged().values() for release in all_]
PYTHON = {"string": str, "long": int, "int": int, "double": float, "boolean": bool, "bytes": bytes}


def nested(kind: Any) -> typing.Iterator[Any]:
    if isinstance(kind, dict) and kind.get("type") == "record":
        yield kind
        for field in kind["fields"]:
            yield from nested(field["type"])
    elif isinstance(kind, dict) and kind.get("type") == "array":
        yield from nested(kind["items"])


def python_type(kind: Any) -> Any:
    if isinstance(kind, str):
        return PYTHON.get(kind, VIEWS.get(kind, "enum"))
    if kind["type"] == "array":
        return tuple.__class_getitem__((python_type(kind["items"]), ...))
    if kind["type"] == "map":
        return typing.Mapping[str, str]
    if kind["type"] == "enum":
        return typing.Literal[tuple(kind["symbols"])]
    return VIEWS[kind["name"]] if kind["type"] == "record" else PYTHON[kind["type"]]


@pytest.mark.parametrize("event", sorted(EVENT_TYPES))
def test_every_view_has_the_fields_of_its_record(event: str) -> None:
    for record in nested(latest(event).schema):
        hints = typing.get_type_hints(VIEWS[record["name"]])
        assert list(hints) == [field["name"] for field in record["fields"]], record["name"]
        for field in record["fields"]:
            declared, wanted = hints[field["name"]], python_type(field["type"])
            if wanted == "enum":
                assert typing.get_origin(declared) is typing.Literal
            elif typing.get_origin(wanted) is not typing.get_origin(typing.Mapping[str, str]):
                assert declared == wanted, f"{record['name']}.{field['name']}"


@pytest.mark.parametrize("release", RELEASES, ids=lambda r: f"{r.event}.v{r.version}")
def test_every_field_says_what_it_is(release: Any) -> None:
    silent = [
        f"{record['name']}.{field['name']}"
        for record in nested(release.schema)
        for field in record["fields"]
        if "doc" not in field and field["type"] in ("double", "long", "int")
    ]
    assert silent == []


@pytest.mark.parametrize("release", RELEASES, ids=lambda r: f"{r.event}.v{r.version}")
def test_the_golden_bytes_of_every_released_version_stay_readable(release: Any) -> None:
    body = (GOLDEN / f"{release.event}.v{release.version}.bin").read_bytes()
    event, end = read_as_latest(release.event, release.schema, body)
    assert end == len(body)
    expected = json.loads((GOLDEN / f"{release.event}.v{release.version}.json").read_text("utf-8"))
    seen = json.loads(json.dumps(event, default=str))
    assert seen == expected


@pytest.mark.parametrize("event", sorted(EVENT_TYPES))
def test_the_golden_bytes_of_the_newest_version_are_what_is_written(event: str) -> None:
    release = latest(event)
    assert encode_body(events()[event]) == (GOLDEN / f"{event}.v{release.version}.bin").read_bytes()


def test_there_is_no_golden_file_without_a_schema() -> None:
    files = {path.stem for path in Path(GOLDEN).glob("*.bin")}
    assert files == {f"{release.event}.v{release.version}" for release in RELEASES}
