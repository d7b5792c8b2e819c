"""Copies of states as records, large ones in parts."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from processors.faust.changelog import PART_BYTES, Marker, Written, read_back, written
from processors.faust.memory import Checkpoint, Memory, Stored
from tests.processors.faust.counting import CountingStage


class Raw(CountingStage):
    """Its states are bytes as they are."""

    def encode(self, state: bytes) -> bytes:  # type: ignore[override]
        return state

    def decode(self, raw: bytes) -> bytes:  # type: ignore[override]
        return raw


def records(copies: Iterable[tuple[str, Stored | None]]) -> list[Written]:
    return list(written(Checkpoint(tuple(copies), 0, 9), Marker("t", 0, 9)))


def found(*rounds: Iterable[tuple[str, Stored | None]]) -> tuple[dict[str, bytes], int]:
    newest: dict[bytes, bytes | None] = {}
    for copies in rounds:
        newest.update(records(copies))
    read = read_back(Memory(Raw()), newest.items())
    return read.memory.states, read.unreadable


def test_a_small_copy_is_one_record() -> None:
    assert len(records([("a", Stored(4, b"x" * PART_BYTES))])) == 2


def test_a_large_copy_is_in_parts_below_the_brokers_limit_and_comes_back_whole() -> None:
    raw = bytes(range(256)) * (PART_BYTES // 100)
    said = records([("a", Stored(4, raw))])
    assert len(said) > 3
    assert max(len(value or b"") for _, value in said) < PART_BYTES + 64
    assert found([("a", Stored(4, raw))]) == ({"a": raw}, 0)


def test_parts_of_an_older_copy_do_not_get_into_a_newer_one() -> None:
    longer, shorter = b"a" * (3 * PART_BYTES), b"b" * (PART_BYTES + 1)
    assert found([("k", Stored(4, longer))], [("k", Stored(5, shorter))]) == ({"k": shorter}, 0)
    assert found([("k", Stored(4, longer))], [("k", Stored(5, b"small"))]) == ({"k": b"small"}, 0)
    assert found([("k", Stored(4, longer))], [("k", None)]) == ({}, 0)


def test_a_copy_with_a_missing_part_is_dropped_and_counted() -> None:
    said = records([("k", Stored(4, b"a" * (2 * PART_BYTES)))])
    newest = dict(said[1:])
    read = read_back(Memory(Raw()), newest.items())
    assert (read.memory.states, read.unreadable) == ({}, 1)


@given(st.dictionaries(st.text(max_size=5), st.integers(0, 3 * PART_BYTES), max_size=4))
def test_whatever_the_sizes_all_come_back(sizes: dict[str, int]) -> None:
    copies = [(key, Stored(place, b"z" * size)) for place, (key, size) in enumerate(sizes.items())]
    assert found(copies) == ({key: copy.raw for key, copy in copies}, 0)
