"""Which record of a batch goes where: by the first five bytes, in the order in which they came."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from processors.stage import Rejected
from schemas.codec import Codec
from schemas.codec.framing import PREFIX_BYTES, schema_id_of
from schemas.codec.serde import EVENT_LIMIT_BYTES, encode_body
from schemas.errors import EventError, OversizedError
from sinks.clickhouse.envelope import Enclosed
from sinks.clickhouse.record import Record
from sinks.clickhouse.writers import Writer

# Ids that one batch asks the registry for; a batch with more of them is not worth the questions.
MOST_IDS = 1000


@dataclass(slots=True)
class Sorted:
    """The events of a batch by kind, and what cannot be used. ``transcoded`` counts by kind."""

    events: dict[str, list[Enclosed]] = field(default_factory=dict)
    rejected: list[tuple[Record, Rejected]] = field(default_factory=list)
    transcoded: dict[str, int] = field(default_factory=dict)


def schema_ids(records: Iterable[Record]) -> Sequence[int]:
    """Return the schema ids that the records name, ascending."""
    prefixes = {record.value[:PREFIX_BYTES] for record in records if record.value}
    return sorted(schema_id_of(each) for each in prefixes if len(each) == PREFIX_BYTES and each[0] == 0)[
        :MOST_IDS
    ]


def sort(
    records: Iterable[Record], writers: Mapping[int, Writer], expected: Sequence[str], codec: Codec
) -> Sorted:
    """Sort the records of a topic that holds the ``expected`` events. A tombstone is no event."""
    found = Sorted()
    direct = _direct(writers, expected, found)
    cut = PREFIX_BYTES
    for record in records:
        value = record.value
        if value is None:
            continue
        events = direct.get(value[:cut])
        if events is not None and len(value) <= EVENT_LIMIT_BYTES:
            events.append(Enclosed(record.partition, record.offset, record.timestamp, value[cut:]))
        else:
            _sort_by_hand(record, value, writers, expected, codec, found)
    return found


def _direct(
    writers: Mapping[int, Writer], expected: Sequence[str], found: Sorted
) -> Mapping[bytes, list[Enclosed]]:
    """Return where records go by their first bytes alone."""
    return {
        b"\x00" + schema_id.to_bytes(4, "big"): found.events.setdefault(writer.event, [])
        for schema_id, writer in sorted(writers.items())
        if writer.as_is and writer.event in expected
    }


def _sort_by_hand(
    record: Record,
    value: bytes,
    writers: Mapping[int, Writer],
    expected: Sequence[str],
    codec: Codec,
    found: Sorted,
) -> None:
    try:
        if len(value) > EVENT_LIMIT_BYTES:
            raise OversizedError(len(value), EVENT_LIMIT_BYTES)
        writer = writers.get(
            schema_id_of(value), Writer(reason="unknown_schema", detail="its schema id is unknown")
        )
        if not writer.event:
            found.rejected.append((record, Rejected(writer.reason, writer.detail)))
        elif writer.event not in expected:
            text = f"{writer.event} does not belong on this topic"
            found.rejected.append((record, Rejected("unexpected_event", text)))
        else:
            body = encode_body(codec.decode(value))
            enclosed = Enclosed(record.partition, record.offset, record.timestamp, body)
            found.events.setdefault(writer.event, []).append(enclosed)
            found.transcoded[writer.event] = found.transcoded.get(writer.event, 0) + 1
    except EventError as exc:
        found.rejected.append((record, Rejected(exc.reason, str(exc))))
