import json
from typing import Any

from schemas.codec import Codec, frame
from schemas.codec.catalog import latest
from schemas.codec.serde import EVENT_LIMIT_BYTES
from sinks.clickhouse.sorting import MOST_IDS, schema_ids, sort
from sinks.clickhouse.writers import Writer, judge
from tests.sinks.clickhouse.inventing import Inventor, body
from tests.sinks.clickhouse.records import Fake

TELEMETRY = ("node_sample", "clock_tick")
SAMPLE, TICK = (
    body("node_sample", Inventor().event("node_sample")),
    body("clock_tick", Inventor().event("clock_tick")),
)
WRITERS = {
    1: Writer("node_sample", as_is=True),
    2: Writer("clock_tick", as_is=True),
    3: Writer("node_state", as_is=True),
    4: Writer(reason="unknown_schema", detail="no schema with id 4 is registered"),
}


def changed(event: str, **fields: Any) -> dict[str, Any]:
    """Return an event's schema with a field more."""
    schema = json.loads(latest(event).text)
    schema["fields"].append({"name": "added", "type": "double", "default": 0.0} | fields)
    return dict(schema)


def reasons(*records: Fake, codec: Codec | None = None) -> list[tuple[int, str]]:
    found = sort(records, WRITERS, TELEMETRY, codec or Codec({}))
    return [(record.offset, why.reason) for record, why in found.rejected]


def test_kinds_are_kept_apart_and_in_order() -> None:
    records = [
        Fake(offset=0, value=frame(1, SAMPLE)),
        Fake(offset=1, value=frame(2, TICK)),
        Fake(offset=2, value=frame(1, SAMPLE)),
    ]
    found = sort(records, WRITERS, TELEMETRY, Codec({}))
    places = {event: [each.offset for each in events] for event, events in found.events.items()}
    assert places == {"node_sample": [0, 2], "clock_tick": [1]}
    assert found.events["node_sample"][0].body == SAMPLE
    assert not found.rejected


def test_a_tombstone_is_neither_an_event_nor_an_error() -> None:
    found = sort([Fake(value=None)], WRITERS, TELEMETRY, Codec({}))
    assert not any(found.events.values())
    assert not found.rejected


def test_what_cannot_be_used_says_why() -> None:
    assert reasons(
        Fake(offset=0, value=b""),
        Fake(offset=1, value=b"\x01\x00\x00\x00\x01" + SAMPLE),
        Fake(offset=2, value=frame(4, SAMPLE)),
        Fake(offset=3, value=frame(9, SAMPLE)),
        Fake(offset=4, value=frame(3, SAMPLE)),
        Fake(offset=5, value=frame(1, bytes(EVENT_LIMIT_BYTES))),
    ) == [
        (0, "decode"),
        (1, "decode"),
        (2, "unknown_schema"),
        (3, "unknown_schema"),
        (4, "unexpected_event"),
        (5, "oversized"),
    ]


def test_an_event_of_another_version_is_resolved_to_ours() -> None:
    schema = changed("clock_tick")
    codec = Codec({})
    codec.learn(7, json.dumps(schema))
    other = body("clock_tick", Inventor().event("clock_tick", added=1.0), schema)
    found = sort(
        [Fake(value=frame(7, other)), Fake(offset=1, value=frame(7, b"\x01"))],
        {7: Writer("clock_tick", as_is=False)},
        TELEMETRY,
        codec,
    )
    assert [each.body for each in found.events["clock_tick"]] == [TICK]
    assert found.transcoded == {"clock_tick": 1}
    assert [why.reason for _, why in found.rejected] == ["decode"]


def test_a_schema_is_judged_by_its_name_and_its_fields() -> None:
    ours = latest("clock_tick")
    assert judge(ours.text) == Writer("clock_tick", as_is=True)
    assert judge(json.dumps(json.loads(ours.text) | {"doc": "other words"})) == Writer(
        "clock_tick", as_is=True
    )
    assert judge(json.dumps(changed("clock_tick"))) == Writer("clock_tick", as_is=False)
    stranger = '{"type": "record", "name": "Other", "namespace": "x", "fields": []}'
    assert judge(stranger).reason == "unexpected_event"
    for text in ("", "{", '"string"', "[]"):
        assert judge(text).reason == "decode"


def test_ids_are_asked_for_once_in_order_and_not_without_end() -> None:
    records = [Fake(value=frame(n % 3000, b"")) for n in range(6000, 0, -1)]
    assert list(schema_ids(records)) == list(range(MOST_IDS))
    assert schema_ids([Fake(value=None), Fake(value=b"\x00\x00"), Fake(value=b"\x01\x00\x00\x00\x01")]) == []
