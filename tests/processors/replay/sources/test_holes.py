"""Which offsets are missing, and which a transaction's mark has taken."""

from processors.replay.sources.holes import Holes, Reading, marks

PARTITIONS = 4


def read(topic: str, offsets: list[int]) -> list[tuple[int, int]]:
    holes = Holes("gone", PARTITIONS)
    reading = Reading(holes)
    for offset in offsets:
        assert reading.see(topic, 0, offset)
    return [(gap.first_offset, gap.last_offset) for gap in holes.gaps()]


def test_marks_of_transactions_that_end_together_are_no_hole() -> None:
    # The node stage writes to a partition of panes, and so does each of the request stage's partitions.
    assert marks("panes", PARTITIONS) >= PARTITIONS + 1
    together = marks("panes", PARTITIONS)
    assert read("panes", [10, 11 + together, 12 + together]) == []
    assert read("panes", [10, 12 + together]) == [(11, 11 + together)]


def test_a_topic_that_no_stage_writes_has_few_marks() -> None:
    assert read("requests", [0, 1, 4]) == [(2, 3)]


def test_an_offset_that_comes_again_is_left_out() -> None:
    holes = Holes("gone", PARTITIONS)
    reading = Reading(holes)
    assert [reading.see("panes", 0, offset) for offset in (5, 5, 4, 6)] == [True, False, False, True]
    assert holes.gaps() == ()


def test_a_reading_knows_nothing_of_another_that_is_ahead() -> None:
    holes = Holes("gone", PARTITIONS)
    behind, ahead = Reading(holes), Reading(holes)
    assert all(ahead.see("panes", 0, offset) for offset in range(100))
    assert all(behind.see("panes", 0, offset) for offset in range(100))
    assert holes.gaps() == ()
