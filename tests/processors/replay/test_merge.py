"""The order of a replay."""

from hypothesis import given
from hypothesis import strategies as st

from processors.replay.merge import in_order, merged, placed
from schemas.log_file import LogRecord


def record(topic: str, partition: int, offset: int, at: int) -> LogRecord:
    return LogRecord(topic, partition, offset, at, None, b"")


def test_across_partitions_by_time_then_topic_partition_and_offset() -> None:
    partitions = [
        [record("telemetry", 1, 0, 5), record("telemetry", 1, 1, 5), record("telemetry", 1, 2, 9)],
        [record("telemetry", 0, 7, 5), record("telemetry", 0, 8, 8)],
        [record("panes", 0, 0, 5), record("panes", 0, 1, 9)],
    ]
    found = [(one.arrived_at, one.topic, one.partition, one.offset) for one in merged(partitions)]
    assert found == sorted(found)
    assert found[0] == (5, "panes", 0, 0)


def test_a_clock_that_goes_back_does_not_change_the_order_of_offsets() -> None:
    """The broker's clock was set back by three: what came then counts as arrived with the record before."""
    back = [record("telemetry", 0, 0, 10), record("telemetry", 0, 1, 7), record("telemetry", 0, 2, 11)]
    other = [record("telemetry", 1, 0, 8), record("telemetry", 1, 1, 10)]
    assert [(one.partition, one.offset) for one in merged([back, other])] == [
        (1, 0), (0, 0), (0, 1), (1, 1), (0, 2),
    ]  # fmt: skip
    assert [order.at for order, _ in placed(back)] == [10, 10, 11]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.integers(0, 20)), max_size=60))
def test_a_file_by_time_of_arrival_comes_in_the_same_order(rows: list[tuple[str, int, int]]) -> None:
    offsets: dict[tuple[str, int], int] = {}
    records = []
    for topic, partition, at in sorted(rows, key=lambda row: row[2]):
        offset = offsets.get((topic, partition), 0)
        offsets[topic, partition] = offset + 1
        records.append(record(topic, partition, offset, at))
    lanes: dict[tuple[str, int], list[LogRecord]] = {}
    for one in records:
        lanes.setdefault((one.topic, one.partition), []).append(one)
    assert list(in_order(records)) == list(merged(list(lanes.values())))
