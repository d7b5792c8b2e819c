"""Every text of an event, found by its schema and replaced: the one walk that collects and redacts."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast

from processors.replay.capsule.redaction.fields import KEPT_TAGS, Treatment, treatment
from schemas.codec import Event
from schemas.codec.catalog import EVENT_TYPES, VIEWS, latest

# Returns what stands in the place of a text.
Act = Callable[[Treatment, str], str]
_Change = Callable[[Any, Act], Any]
_EVENT_OF: Mapping[type, str] = {view: name for name, view in EVENT_TYPES.items()}


def changed(event: Event, act: Act) -> Event:
    """Return the event with every text that is not kept replaced by ``act``."""
    change = _of_event(_EVENT_OF[type(event)])
    return event if change is None else cast(Event, change(event, act))


@cache
def _of_event(event: str) -> _Change | None:
    return _of_record(latest(event).schema, {})


def _of_record(schema: Mapping[str, Any], types: dict[str, _Change | None]) -> _Change | None:
    view = VIEWS[schema["name"]]
    steps: list[tuple[int, _Change]] = []
    for index, field in enumerate(schema["fields"]):
        change = _of_field(schema["name"], field["name"], field["type"], types)
        if change is not None:
            steps.append((index, change))
    types[schema["name"]] = change = _record_change(view, tuple(steps)) if steps else None
    return change


def _record_change(view: type[tuple[Any, ...]], steps: tuple[tuple[int, _Change], ...]) -> _Change:
    def change(value: Any, act: Act) -> Any:  # noqa: ANN401 - any view
        fields = list(value)
        for index, step in steps:
            fields[index] = step(fields[index], act)
        return tuple.__new__(view, fields)

    return change


def _of_field(record: str, field: str, kind: Any, types: dict[str, _Change | None]) -> _Change | None:  # noqa: ANN401
    if isinstance(kind, str):
        return types[kind] if kind in types else _of_text(record, field, kind)
    if kind["type"] == "record":
        return _of_record(kind, types)
    if kind["type"] == "array":
        return _of_array(record, field, _of_field(record, field, kind["items"], types))
    if kind["type"] == "map":
        found = treatment(record, field) or Treatment.OPAQUE
        return lambda value, act: dict(
            sorted((_tag(name, act), act(found, text)) for name, text in value.items())
        )
    if kind["type"] == "enum":
        types[kind["name"]] = None
        return None
    return _of_text(record, field, kind["type"])


def _of_array(record: str, field: str, item: _Change | None) -> _Change | None:
    if item is None:
        return None
    if treatment(record, field) is Treatment.REFERENCE:  # stages write ids in their order
        return lambda value, act: tuple(sorted([item(one, act) for one in value]))
    return lambda value, act: tuple([item(one, act) for one in value])


def _of_text(record: str, field: str, kind: str) -> _Change | None:
    if kind == "bytes":
        return lambda _value, _act: b""
    if kind != "string":
        return None
    found = treatment(record, field) or Treatment.OPAQUE
    return None if found is Treatment.KEEP else lambda value, act: act(found, value)


def _tag(name: str, act: Act) -> str:
    return name if name in KEPT_TAGS else act(Treatment.TAG, name)
