from hypothesis import given
from hypothesis import strategies as st

from sinks.clickhouse.collecting import MOST_PARTITIONS, Collected, Limits, ranges_of
from sinks.clickhouse.ranges import METADATA_BYTES, Batch, Mark, Range, done, read_mark
from tests.sinks.clickhouse.records import Fake

LIMITS = Limits(rows=10, bytes=1000)
BATCH = Batch("telemetry", "ab12", (Range(0, 5, 9), Range(3, 100, 100)))

ranges = st.builds(Range, st.integers(0, 1023), st.integers(0, 2**62), st.integers(0, 2**62))


def test_metadata_says_everything_that_is_needed_to_put_the_batch_together_again() -> None:
    assert BATCH.metadata == "1 ab12 0:5-9,3:100-100"
    assert read_mark(BATCH.metadata) == Mark("ab12", BATCH.ranges)


@given(st.lists(ranges, min_size=1, max_size=5), st.sampled_from(["", "0f" * 16]))
def test_metadata_is_read_as_it_was_written(some: list[Range], topic_id: str) -> None:
    assert read_mark(Batch("t", topic_id, tuple(some)).metadata) == Mark(topic_id, tuple(some))


def test_a_stored_offset_has_nothing_pending() -> None:
    assert read_mark(done("ab12")) == Mark("ab12", ())


@given(st.none() | st.text())
def test_metadata_of_somebody_else_says_nothing(text: str | None) -> None:
    assert read_mark(text).ranges == ()


def test_metadata_of_a_broken_range_says_nothing() -> None:
    assert read_mark("1 ab12 0:5-9,3:x-100") == Mark()
    assert read_mark("2 ab12 0:5-9") == Mark()


def test_tokens_differ_by_table_range_topic_and_the_topics_id() -> None:
    others = (
        Batch("telemetry", "ab12", (Range(0, 5, 9), Range(3, 100, 101))),
        Batch("telemetry", "cd34", BATCH.ranges),
        Batch("panes", "ab12", BATCH.ranges),
    )
    tokens = {each.token("event_log") for each in (BATCH, *others)} | {BATCH.token("intake_node_sample")}
    assert len(tokens) == 5
    assert BATCH.token("event_log") == Batch("telemetry", "ab12", BATCH.ranges).token("event_log")


def test_the_widest_batch_fits_into_kafkas_metadata() -> None:
    wide = Batch("t", "f" * 32, tuple(Range(1000 + n, 10**18, 2 * 10**18) for n in range(MOST_PARTITIONS)))
    assert len(wide.metadata) <= METADATA_BYTES
    assert MOST_PARTITIONS >= 64


def test_a_batch_is_cut_at_its_rows_and_the_rest_is_for_the_next() -> None:
    collected = Collected(LIMITS)
    rest = collected.add([Fake(offset=n) for n in range(12)])
    assert collected.full
    assert [record.offset for record in collected.records] == list(range(10))
    assert [record.offset for record in rest] == [10, 11]


def test_a_batch_is_cut_at_its_bytes() -> None:
    collected = Collected(LIMITS)
    rest = collected.add([Fake(offset=n, value=bytes(600)) for n in range(4)])
    assert len(collected.records) == 2
    assert len(rest) == 2


def test_a_batch_has_no_more_partitions_than_its_metadata_has_room_for() -> None:
    collected = Collected(Limits(rows=10_000, bytes=1 << 30))
    rest = collected.add([Fake(partition=n) for n in range(MOST_PARTITIONS + 3)])
    assert len(rest) == 3
    assert collected.full


def test_ranges_span_what_is_there_and_forgive_holes() -> None:
    records = [Fake(0, 5), Fake(0, 9), Fake(3, 100)]
    assert ranges_of(records) == (Range(0, 5, 9), Range(3, 100, 100))
