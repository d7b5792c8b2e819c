import io
import json
from typing import Any

import fastavro
import pytest

from schemas.codec import packaged
from schemas.codec.catalog import latest
from schemas.codec.foreign import plain
from schemas.codec.serde import decode_body
from sinks.clickhouse import event_log
from sinks.clickhouse.envelope import Enclosed, blank, enclose, stored_schema, subject
from tests.sinks.clickhouse.inventing import Inventor, body
from tests.sinks.clickhouse.records import Fake


def read_all(event: str, rows: bytes) -> list[dict[str, Any]]:
    schema = fastavro.parse_schema(plain(json.loads(stored_schema(latest(event).schema))))
    buffer, found = io.BytesIO(rows), []
    while prefix := buffer.read(5):
        assert prefix == b"\x00\x00\x00\x01\x2c"
        row = fastavro.schemaless_reader(buffer, schema, None)
        assert isinstance(row, dict)
        found.append(row)
    return found


@pytest.mark.parametrize("event", packaged())
def test_an_enclosed_event_is_its_coordinates_and_every_field_as_it_was(event: str) -> None:
    value = Inventor().event(event)
    event_body = body(event, value)
    rows = read_all(
        event, enclose(300, "penstock.t", [Enclosed(3, 2**53 - 1, 1_763_700_000_123, event_body)] * 2)
    )
    alone = fastavro.schemaless_reader(
        io.BytesIO(event_body), fastavro.parse_schema(plain(latest(event).schema)), None
    )
    assert len(rows) == 2
    for row in rows:
        assert row["kafka_head"] == row["kafka_tail"]
        assert (row["kafka_topic"], row["kafka_partition"]) == ("penstock.t", 3)
        assert row["kafka_offset"] == 2**53 - 1
        assert row["kafka_arrived_at"] == 1_763_700_000_123_000
        inner = {name: item for name, item in row.items() if not name.startswith("kafka_")}
        assert repr(inner) == repr(alone)


def test_the_mark_at_both_ends_is_another_one_each_time() -> None:
    one = [Enclosed(0, 1, 2, blank(latest("clock_tick").schema))]
    marks = {read_all("clock_tick", enclose(300, "t", one))[0]["kafka_head"] for _ in range(20)}
    assert len(marks) == 20


@pytest.mark.parametrize("event", packaged())
def test_a_blank_event_can_be_read(event: str) -> None:
    decode_body(event, blank(latest(event).schema))


def test_the_stored_form_has_a_subject_of_its_own() -> None:
    assert subject(latest("node_sample")) == "penstock.stored.NodeSample"


def test_a_row_of_the_log_is_the_record_as_it_was_sent() -> None:
    rows = event_log.rows("t", [Fake(2, 7, 5, None, None), Fake(2, 8, 6, b"key", bytes(20_000))])
    place = b"\x01t" + (2).to_bytes(4, "little")
    first = place + (7).to_bytes(8, "little") + (5000).to_bytes(8, "little") + b"\x01\x01"
    second = place + (8).to_bytes(8, "little") + (6000).to_bytes(8, "little")
    assert rows == first + second + b"\x00\x03key" + b"\x00\xa0\x9c\x01" + bytes(20_000)
