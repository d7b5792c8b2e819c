"""Whatever is cut off where, what is found again is what would have been."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from processors.faust import memory as memory_module
from processors.faust.changelog import MARKER_KEY, Marker, Written, read_back, written
from processors.faust.memory import Memory
from processors.stage import Arrived, Outputs, Rejected
from schemas.codec import Event
from tests.processors.faust.counting import Count, CountingStage, record, tick

Numbered = tuple[int, Event]

keys = st.sampled_from(["a", "b", "c"])
records = st.builds(
    record, keys, st.integers(0, 9), st.sampled_from(["", "", "", "", "end", "reject", "raise"])
)
events = st.lists(st.one_of(records, records, st.builds(tick, st.integers(0, 9))), max_size=60)
gaps = st.lists(st.integers(1, 3), min_size=60, max_size=60)


def numbered(events: Sequence[Event], gaps: Sequence[int]) -> list[Numbered]:
    """Offsets as Kafka gives them: growing, with holes."""
    offset, found = -1, []
    for event, gap in zip(events, gaps, strict=False):
        offset += gap
        found.append((offset, event))
    return found


def fold(memory: Memory[Count], inputs: Sequence[Numbered]) -> list[Outputs]:
    return [memory.fold(offset, Arrived(event, offset)) for offset, event in inputs]


def states(memory: Memory[Count]) -> dict[str, bytes]:
    return {key: memory.stage.encode(state) for key, state in memory.states.items()}


class Store:
    """A compacted changelog."""

    def __init__(self) -> None:
        self.newest: dict[bytes, bytes | None] = {}

    def keep(self, memory: Memory[Count], *, everything: bool = False) -> None:
        checkpoint = memory.checkpoint(everything=everything)
        marker = Marker("topic", checkpoint.begin, checkpoint.done)
        self.newest.update(written(checkpoint, marker))

    def recover(self, inputs: Sequence[Numbered]) -> Memory[Count]:
        found = read_back(Memory(CountingStage()), self.newest.items())
        again = [each for each in inputs if found.marker.begin <= each[0] <= found.marker.done]
        fold(found.memory, again)
        found.memory.skip(found.marker.done)
        return found.memory


# The second reading begins within the life of a key that is over.
HALF_A_LIFE = [record("a", 1), record("b", 1), record("a", 1), record("a", 1, "end"), record("c", 1)]


@settings(deadline=None)
@example(HALF_A_LIFE, [1] * 60, 1, 4, 20_000)
@given(events, gaps, st.integers(1, 9), st.integers(0, 60), st.sampled_from([3, 20_000]))
def test_a_crash_anywhere_changes_nothing(
    events: list[Event], gaps: list[int], size: int, cut: int, behind: int
) -> None:
    inputs = numbered(events, gaps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory_module, "BEHIND_RECORDS", behind)
        whole = Memory(CountingStage())
        expected = fold(whole, inputs)

        store, memory = Store(), Memory(CountingStage())
        said: list[Outputs] = []
        for start in range(0, len(inputs), size):
            batch = inputs[start : start + size]
            if start <= cut < start + size:
                fold(memory, batch)  # the crash: this batch was folded, and its transaction never committed
                memory = store.recover(inputs)
            said.extend(fold(memory, batch))
            store.keep(memory)
        assert said == expected
        assert states(memory) == states(whole)
        assert states(store.recover(inputs)) == states(whole)


@settings(deadline=None)
@given(events, gaps, st.integers(1, 9))
def test_after_storing_everything_nothing_is_read_again(
    events: list[Event], gaps: list[int], size: int
) -> None:
    inputs = numbered(events, gaps)
    store, memory = Store(), Memory(CountingStage())
    for start in range(0, len(inputs), size):
        fold(memory, inputs[start : start + size])
        store.keep(memory)
    store.keep(memory, everything=True)
    assert memory.begin == memory.done + 1
    assert states(store.recover([])) == states(memory)


def test_what_is_over_leaves_nothing_behind() -> None:
    store, memory = Store(), Memory(CountingStage())
    fold(
        memory,
        [(0, record("other", 1)), (1, record("a", 1)), (2, record("a", 1)), (3, record("a", 2, "end"))],
    )
    store.keep(memory)
    assert store.newest.get(b"ka") is not None, "a grave, while records of its life can be read again"
    store.keep(memory, everything=True)
    assert store.newest.get(b"ka") is None
    assert memory.graves == {}
    assert set(memory.stands_at) == {"other"}


def test_a_key_cannot_be_called_like_the_marker() -> None:
    store, memory = Store(), Memory(CountingStage())
    fold(memory, [(0, record(MARKER_KEY.decode(), 1)), (1, record("", 2))])
    store.keep(memory, everything=True)
    assert set(store.recover([]).states) == {"m", ""}


def test_a_state_is_stored_when_its_copy_falls_far_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_module, "BEHIND_RECORDS", 10)
    memory = Memory(CountingStage())
    fold(memory, [(0, record("slow", 1))])
    assert memory.checkpoint().begin == 0
    for offset in range(1, 30):
        fold(memory, [(offset, record(f"busy{offset % 2}", 1))])
        assert memory.checkpoint().begin > offset - 11, "the second reading is bounded"


def test_a_bug_of_the_stage_is_a_dead_letter_and_leaves_the_state() -> None:
    memory = Memory(CountingStage())
    fold(memory, [(0, record("a", 1))])
    before = memory.states["a"]
    ((said,),) = fold(memory, [(1, record("a", 1, "raise"))])
    assert said == Rejected("rejected", "ArithmeticError: asked for")
    assert memory.states["a"] is before
    assert memory.done == 1


def test_a_tick_that_fails_for_one_key_reaches_the_others() -> None:
    class Failing(CountingStage):
        def step(self, state: Count, arrived: Arrived) -> tuple[Count, Outputs]:
            if state.key in "bd" and arrived.event == tick(0):
                raise ArithmeticError("bug")
            return super().step(state, arrived)

    memory = Memory(Failing())
    fold(memory, [(index, record(key, 1)) for index, key in enumerate("abcd")])
    (said,) = fold(memory, [(9, tick(0))])
    assert said == (Rejected("rejected", "ArithmeticError: bug"),), "one dead letter for one record"
    assert [state.ticks for state in memory.states.values()] == [1, 0, 1, 0]


def test_copies_of_another_version_are_dropped_and_counted() -> None:
    store, memory = Store(), Memory(CountingStage())
    fold(memory, [(0, record("a", 1)), (1, record("b", 2))])
    store.keep(memory, everything=True)
    store.newest[b"ka"] = (store.newest[b"ka"] or b"")[:9] + b"another"
    found = read_back(Memory(CountingStage()), store.newest.items())
    assert found.unreadable == 1
    assert set(found.memory.states) == {"b"}


def test_over_a_topic_made_again_states_go_on_and_all_are_stored() -> None:
    store, memory = Store(), Memory(CountingStage())
    fold(memory, [(100, record("a", 1)), (101, record("b", 2)), (102, record("c", 2))])
    store.keep(memory)
    store.keep(memory, everything=True)
    found: list[Written] = list(store.newest.items())
    again = read_back(Memory(CountingStage()), found).memory
    again.rebase(0)
    fold(again, [(0, record("a", 5))])
    store.keep(again, everything=True)
    assert store.recover([]).states["a"].total == 6
    assert store.recover([]).states["b"].total == 2
    assert again.begin == 1
