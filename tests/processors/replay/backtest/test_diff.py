"""Gained, lost and moved: by pattern, node and overlap."""

from dataclasses import replace

from processors.replay.backtest.diff import compare
from processors.replay.backtest.fired import Fired
from tests.samples import at

END = at(3600)


def fired(onset_s: float, end_s: float | None, told_id: str, **more: str) -> Fired:
    one = Fired(
        kind="pattern", id="hot_memory", node="a", fleet="lab", told_id=told_id, severity="warning",
        onset_at=at(onset_s), opened_at=at(onset_s + 10), told_at=at(onset_s + 12),
        ended_at=None if end_s is None else at(end_s), over_at=None if end_s is None else at(end_s + 2),
    )  # fmt: skip
    return replace(one, **more)  # type: ignore[arg-type]


def test_what_is_open_together_is_the_same_trouble() -> None:
    old, new = fired(100, 200, "1"), fired(150, 260, "2")
    diff = compare([old], [new], END)
    assert (diff.gained, diff.lost) == ((), ())
    assert [(pair.onset_s, pair.opened_s) for pair in diff.moved] == [(50.0, 50.0)]


def test_what_is_not_is_gained_and_lost() -> None:
    old, new = fired(100, 200, "1"), fired(201, 260, "2")
    elsewhere, other = fired(100, 200, "3", node="b"), fired(100, 200, "4", id="hot_gpu")
    diff = compare([old], [new, elsewhere, other], END)
    assert diff.gained == (new, elsewhere, other)
    assert diff.lost == (old,)


def test_one_that_becomes_two_is_paired_once_with_the_one_of_its_identity() -> None:
    old = fired(100, None, "1")
    first, second = fired(90, 200, "2"), fired(100, None, "1")
    diff = compare([old], [first, second], END)
    assert diff.gained == (first,)
    assert [pair.new for pair in diff.same] == [second]


def test_another_end_is_told_apart() -> None:
    diff = compare([fired(100, 200, "1")], [fired(100, 300, "1")], END)
    assert diff.moved == ()
    assert [pair.new.ended_at for pair in diff.ended_otherwise] == [at(300)]
