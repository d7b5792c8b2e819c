"""Whoever adds a text to an event says what a redaction does with it."""

from collections.abc import Iterator
from typing import Any

import pytest

from processors.replay.capsule.redaction.fields import treatment
from schemas.codec.catalog import latest
from schemas.topics import (
    ALERTS,
    NODE_STATES,
    NODES,
    OBSERVATIONS,
    PANES,
    REQUESTS,
    SUMMARIES,
    TELEMETRY,
)


def _texts(kind: Any, record: str, field: str) -> Iterator[tuple[str, str]]:
    if kind in ("string", "bytes"):
        yield record, field
    elif isinstance(kind, dict) and kind["type"] == "record":
        for one in kind["fields"]:
            yield from _texts(one["type"], kind["name"], one["name"])
    elif isinstance(kind, dict) and kind["type"] in ("array", "map"):
        yield from _texts(kind.get("items", kind.get("values")), record, field)
    elif isinstance(kind, dict) and kind["type"] != "enum":
        yield from _texts(kind["type"], record, field)


TOPICS = (NODES, TELEMETRY, REQUESTS, PANES, SUMMARIES, NODE_STATES, OBSERVATIONS, ALERTS)
EVENTS = {event for topic in TOPICS for event in topic.events}
TEXTS = sorted({text for event in EVENTS for text in _texts(latest(event).schema, "", "")})


@pytest.mark.parametrize(("record", "field"), TEXTS)
def test_every_text_is_listed(record: str, field: str) -> None:
    assert treatment(record, field) is not None


def test_there_are_texts() -> None:
    assert ("NodeSample", "node_id") in TEXTS
    assert ("LoadedModel", "name") in TEXTS
    assert ("NodeRegistered", "tags") in TEXTS
