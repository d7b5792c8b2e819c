"""The generated codec against fastavro, and against bytes that mean harm."""

import io
import json
import struct
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import EVENT_TYPES, Codec, frame, packaged
from schemas.codec.foreign import plain
from schemas.codec.serde import EVENT_LIMIT_BYTES, decode_body, encode_body
from schemas.errors import DecodeError, OversizedError, UnknownSchemaError
from schemas.events.clock_tick import ClockTick
from schemas.events.node_sample import NodeSample
from tests.samples import gpu, runtime, sample
from tests.schemas.strategies import events

EVENTS = sorted(EVENT_TYPES)
CODEC = Codec({event: 100 + number for number, event in enumerate(EVENTS)})


def as_dict(value: Any) -> Any:
    """Return what fastavro makes of the same event; NaN as a text, so that it equals itself."""
    if hasattr(value, "_asdict"):
        return {name: as_dict(field) for name, field in value._asdict().items()}
    if isinstance(value, (tuple, list)):
        return [as_dict(item) for item in value]
    if isinstance(value, dict):
        return {key: as_dict(item) for key, item in value.items()}
    return "NaN" if value != value else value


@pytest.mark.parametrize("event", EVENTS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_reads_and_writes_as_fastavro_does(event: str, data: st.DataObject) -> None:
    value = data.draw(events(event))
    body = encode_body(value)
    schema = fastavro.parse_schema(plain(packaged()[event][-1].schema))
    assert as_dict(fastavro.schemaless_reader(io.BytesIO(body), schema, None)) == as_dict(value)
    assert as_dict(decode_body(event, body)) == as_dict(value)
    if not any(isinstance(field, dict) for field in value):  # fastavro does not sort maps
        written = io.BytesIO()
        fastavro.schemaless_writer(written, schema, _dicts(value))
        assert written.getvalue() == body


def _dicts(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {name: _dicts(field) for name, field in value._asdict().items()}
    return [_dicts(item) for item in value] if isinstance(value, tuple) else value


@pytest.mark.parametrize("event", EVENTS)
@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=400))
def test_hostile_bytes_are_a_decode_error_or_an_event(event: str, body: bytes) -> None:
    try:
        value = decode_body(event, body)
    except DecodeError:
        return
    # A varint can be longer than it need be, so the bytes may differ; the meaning may not.
    assert as_dict(decode_body(event, encode_body(value))) == as_dict(value)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_samples_are_a_decode_error_or_an_event(data: st.DataObject) -> None:
    body = bytearray(encode_body(sample(gpus=(gpu(),), runtimes=(runtime(),))))
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=8)):
        body[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    for damaged in (bytes(body), bytes(body[:cut])):
        try:
            decode_body("node_sample", damaged)
        except DecodeError:
            continue


def test_a_truncated_sample_is_refused_at_every_length() -> None:
    body = encode_body(sample(gpus=(gpu(), gpu("GPU-2")), runtimes=(runtime(),)))
    for size in range(len(body)):
        with pytest.raises(DecodeError):
            decode_body("node_sample", body[:size])


def test_bytes_left_over_are_refused() -> None:
    value = CODEC.encode(sample())
    with pytest.raises(DecodeError, match="3 bytes are left over"):
        CODEC.decode(value + b"abc")


def test_a_huge_array_is_refused_before_it_is_made() -> None:
    body = encode_body(sample())
    at = body.rindex(b"\x00\x00\x00\x00")
    with pytest.raises(DecodeError, match="leaves the record"):
        decode_body("node_sample", body[:at] + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" + body[at:])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "too few"),
        (b"\x00\x00\x00\x00", "too few"),
        (b"\x01\x00\x00\x00\x65rest", "first byte is 1"),
        (b"\xff\x00\x00\x00\x65rest", "first byte is 255"),
        (b"{\x22node_id\x22: 1}", "first byte is 123"),
    ],
)
def test_what_is_not_framed_says_so(value: bytes, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        CODEC.decode(value)


def test_an_id_nobody_registered_is_named() -> None:
    with pytest.raises(UnknownSchemaError) as caught:
        CODEC.decode(frame(7, b"x"))
    assert caught.value.schema_id == 7


def test_an_oversized_value_is_refused_unread() -> None:
    with pytest.raises(OversizedError) as caught:
        CODEC.decode(b"\x00" * (EVENT_LIMIT_BYTES + 1))
    assert caught.value.limit_bytes == EVENT_LIMIT_BYTES


def test_a_schema_of_no_event_of_ours_is_a_decode_error() -> None:
    codec = Codec({})
    codec.learn(9, '{"type": "record", "name": "Other", "namespace": "elsewhere", "fields": []}')
    codec.learn(10, "not even JSON")
    for schema_id in (9, 10):
        with pytest.raises(DecodeError):
            codec.decode(frame(schema_id, b""))


def test_a_later_version_with_a_new_field_is_read() -> None:
    later = dict(packaged()["clock_tick"][-1].schema)
    later["fields"] = [*later["fields"], {"name": "zone", "type": "string", "default": ""}]
    written = io.BytesIO()
    tick = {"occurred_at": 5, "clock_id": "c", "seq": 1, "interval_s": 5.0, "zone": "utc"}
    fastavro.schemaless_writer(written, fastavro.parse_schema(plain(later)), tick)
    codec = Codec({})
    codec.learn(11, json.dumps(later))
    assert codec.decode(frame(11, written.getvalue())) == ClockTick(5, "c", 1, 5.0)


def test_numbers_keep_every_bit() -> None:
    for number in (2**63 - 1, -(2**63), 8191, 8192, -1, 0):
        written = sample()._replace(seq=number)
        read = decode_body("node_sample", encode_body(written))
        assert isinstance(read, NodeSample)
        assert read.seq == number


def test_a_number_over_64_bits_is_refused() -> None:
    tick = struct.pack("<d", 5.0)
    for varint in (b"\xff" * 9 + b"\x02", b"\xff" * 11 + b"\x01"):
        with pytest.raises(DecodeError):
            decode_body("clock_tick", varint + b"\x02c" + b"\x00" + tick)
