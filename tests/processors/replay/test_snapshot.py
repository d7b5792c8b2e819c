"""What a replay begins with: the newest whole state of every key before a moment."""

from collections.abc import Iterator
from random import Random
from typing import Any

import zstandard
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from processors.faust.hour import HOUR_US, Snapshot
from processors.faust.letters import Source
from processors.faust.memory import Memory
from processors.faust.snapshots import PART_BYTES, events
from processors.replay.snapshot import Standings, load, read_since
from processors.stage import Arrived
from schemas.codec import EVENT_TYPES, Codec, Event
from schemas.events.stage_snapshot import StageSnapshot
from schemas.log_file import LogRecord
from tests.processors.faust.counting import Count, CountingStage, record, tick
from tests.processors.replay.memory_source import MemorySource

CODEC = Codec({name: number for number, name in enumerate(EVENT_TYPES, start=1)})
STAGE = CountingStage()
T0 = 490_000 * HOUR_US
MINUTE = 60_000_000


def kept(
    key: str, at: int, offset: int, total: int = 0, *, partition: int = 0, over: bool = False, **source: Any
) -> list[StageSnapshot]:
    raw = None if over else STAGE.encode(Count(key, total=total))
    place = Source(STAGE.name, "penstock.count-source", partition)
    return list(events(Snapshot(key, offset, at, 0, raw), place, source.get("topic_id", "id")))


def source_of(*snapshots: StageSnapshot, after: int = 1000) -> MemorySource:
    records = [
        LogRecord(
            "snapshots", one.source_partition, offset, one.occurred_at + after, one.key, CODEC.encode(one)
        )
        for offset, one in enumerate(snapshots)
    ]
    return MemorySource(CODEC, records)


def totals(standings: Standings) -> dict[str, tuple[int | None, int]]:
    return {
        key: (None if one.state is None else one.state.total, one.stands_at)
        for partitions in standings.values()
        for keys in partitions.values()
        for key, one in keys.items()
    }


def hourly(key: str, hours: range, **more: Any) -> list[StageSnapshot]:
    return [
        one
        for hour in hours
        for one in kept(key, T0 + hour * HOUR_US, 1000 * (hour + 1), hour, **more)
    ]  # fmt: skip


def test_the_newest_before_the_moment_is_taken_for_each_key() -> None:
    source = source_of(*hourly("a", range(10)), *hourly("b", range(4, 10), partition=1))
    found = load(source, [STAGE], T0 + 5 * HOUR_US + MINUTE)
    assert totals(found) == {"a": (5, 6000), "b": (5, 6000)}
    assert set(found["counting"]) == {0, 1}
    assert read_since(found) == T0 + 5 * HOUR_US - 15 * MINUTE


def test_hours_before_the_last_are_not_read() -> None:
    source = source_of(*hourly("a", range(200)))
    load(source, [STAGE], T0 + 150 * HOUR_US + MINUTE)
    assert min(source.reads) >= T0 + 146 * HOUR_US


def test_after_an_outage_the_search_goes_back_behind_it() -> None:
    source = source_of(
        *hourly("a", range(5)), *hourly("b", range(5)), *kept("b", T0 + 30 * HOUR_US, 9999, 30)
    )
    assert totals(load(source, [STAGE], T0 + 30 * HOUR_US + MINUTE)) == {"a": (4, 5000), "b": (30, 9999)}


def test_a_key_that_was_over_has_no_state_and_says_until_where() -> None:
    source = source_of(*hourly("a", range(3)), *kept("a", T0 + 2 * HOUR_US + MINUTE, 3500, over=True))
    found = load(source, [STAGE], T0 + 3 * HOUR_US)
    assert totals(found) == {"a": (None, 3500)}
    assert read_since(found) is None


def test_a_snapshot_whose_last_part_is_cut_off_is_passed_over_for_the_one_before() -> None:
    large = Snapshot("a", 9000, T0 + 2 * HOUR_US, 0, Random(1).randbytes(2 * PART_BYTES))
    parts = list(events(large, Source(STAGE.name, "penstock.count-source", 0), "id"))
    assert len(parts) > 2
    for cut in range(len(parts)):
        source = source_of(*hourly("a", range(2)), *parts[:cut], *parts[cut + 1 :])
        assert totals(load(source, [STAGE], T0 + 3 * HOUR_US)) == {"a": (1, 2000)}


def test_parts_come_back_whole_though_another_key_is_between_them() -> None:
    class Raw(CountingStage):
        def decode(self, raw: bytes) -> Any:
            return raw

    raw = Random(1).randbytes(2 * PART_BYTES)
    first, *rest = events(Snapshot("a", 9, T0, 0, raw), Source(STAGE.name, "t", 0), "id")
    source = source_of(first, *kept("b", T0, 9), *rest, first)
    assert load(source, [Raw()], T0 + HOUR_US)["counting"][0]["a"].state == raw


def test_offsets_of_a_topic_that_was_made_again_are_left_out() -> None:
    source = source_of(
        *hourly("a", range(3)), *hourly("b", range(3)), *kept("b", T0 + 3 * HOUR_US, 7, 8, topic_id="new")
    )
    assert totals(load(source, [STAGE], T0 + 4 * HOUR_US)) == {"b": (8, 7)}


def test_what_cannot_be_used_is_told_and_that_key_starts_cold() -> None:
    (other,), (lying,), (foreign,), (bomb,) = (kept(key, T0, 5, 1) for key in "abcd")
    packed = zstandard.ZstdCompressor().compress(b"another version of the stage")
    said: list[str] = []
    source = source_of(
        other._replace(state=packed, state_bytes=28),
        lying._replace(state_bytes=3),
        foreign._replace(codec="brotli"),
        bomb._replace(state=zstandard.ZstdCompressor().compress(bytes(1 << 28)), state_bytes=1 << 28),
        *kept("e", T0, 5, 1),
    )
    assert totals(load(source, [STAGE], T0 + HOUR_US, say=said.append)) == {"e": (1, 5)}
    assert len(said) == 4
    assert "another version" in said[0]
    assert "brotli" in said[2]
    assert "too large" in said[3]


def test_a_damaged_record_is_told_and_hides_no_other() -> None:
    damaged = LogRecord("snapshots", 0, 77, T0 + 1, "a", b"\x00damaged")
    good = [LogRecord("snapshots", 0, 78, T0 + 2, "b", CODEC.encode(kept("b", T0, 5, 2)[0]))]
    said: list[str] = []
    source = MemorySource(CODEC, [damaged, *good])
    assert totals(load(source, [STAGE], T0 + HOUR_US, say=said.append)) == {"b": (2, 5)}
    assert len(said) == 1


def test_a_source_without_snapshots_has_none_and_other_stages_are_left_out() -> None:
    assert load(MemorySource(CODEC, []), [STAGE], T0) == {}
    assert load(source_of(*hourly("a", range(3))), [], T0 + 2 * HOUR_US) == {}


keys = st.sampled_from(["a", "b", "c"])
happenings = st.lists(
    st.tuples(
        st.one_of(
            st.builds(record, keys, st.integers(0, 9), st.sampled_from(["", "", "", "end", "reject"])),
            st.builds(tick, st.integers(0, 9)),
        ),
        st.integers(1, 40),
    ),
    max_size=60,
)


@hypothesis_settings(deadline=None)
@given(happenings, st.integers(0, 60), st.integers(1, 7))
def test_from_snapshots_the_rest_of_the_log_is_what_it_is_from_the_beginning(
    log: list[tuple[Event, int]], cut: int, size: int
) -> None:
    inputs: list[tuple[int, int, Event]] = []
    at = T0
    for offset, (event, minutes) in enumerate(log):
        at += minutes * MINUTE
        inputs.append((offset, at, event))
    before = inputs[cut][1] if cut < len(inputs) else at + 1
    standings = load(source_of(*live(inputs, size), after=0), [STAGE], before)
    memory: Memory[Count] = Memory(CountingStage())
    keys = standings.get("counting", {}).get(0, {})
    for key, one in keys.items():
        memory.stands_at[key] = one.stands_at
        if one.state is not None:
            memory.states[key] = one.state
    first = min((min(one.stands_at + 1, one.reads_from) for one in keys.values()), default=0)
    for offset, arrived_at, event in inputs[first:]:
        memory.fold(offset, Arrived(event, arrived_at))
    whole: Memory[Count] = Memory(CountingStage())
    for offset, arrived_at, event in inputs:
        whole.fold(offset, Arrived(event, arrived_at))
    assert memory.states == whole.states


def live(inputs: list[tuple[int, int, Event]], size: int) -> Iterator[StageSnapshot]:
    memory: Memory[Count] = Memory(CountingStage())
    for start in range(0, len(inputs), size):
        for offset, at, event in inputs[start : start + size]:
            memory.fold(offset, Arrived(event, at))
        for snapshot in memory.checkpoint().snapshots:
            yield from events(snapshot, Source(STAGE.name, "penstock.count-source", 0), "id")
