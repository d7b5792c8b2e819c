"""When something opens and ends, at each boundary."""

from hypothesis import given
from hypothesis import strategies as st

from processors.patterns.turning import SECOND_US, UNKNOWN_US, Timer, Timing, Turn, turn

TIMING = Timing(30 * SECOND_US, 60 * SECOND_US)


def run(*steps: tuple[float, bool | None], timing: Timing = TIMING, is_open: bool = False) -> list[Turn]:
    timer, found = Timer(), []
    for seconds, holds in steps:
        timer, what = turn(timer, holds, int(seconds * SECOND_US) + 1, timing, is_open=is_open)
        if what is Turn.OPEN:
            is_open = True
        elif what in (Turn.CLEARED, Turn.NO_READING):
            is_open = False
            timer = Timer()
        found.append(what)
    return found


def test_it_opens_when_it_has_held_for_its_time() -> None:
    assert run((0, True), (20, True), (29.9, True), (30, True))[-2:] == [Turn.NOTHING, Turn.OPEN]


def test_without_a_time_it_opens_at_once() -> None:
    assert run((0, True), timing=Timing(0, 0)) == [Turn.OPEN]


def test_what_stops_holding_begins_anew() -> None:
    assert run((0, True), (20, False), (30, True), (50, True), (60, True))[-2:] == [Turn.NOTHING, Turn.OPEN]


def test_unknown_does_not_begin_anew_and_does_not_open() -> None:
    assert run((0, True), (20, None), (40, None), (50, True)) == [
        Turn.NOTHING,
        Turn.NOTHING,
        Turn.NOTHING,
        Turn.OPEN,
    ]


def test_it_ends_when_it_has_not_held_for_its_time() -> None:
    steps = ((0, False), (59.9, False), (60, False))
    assert run(*steps, is_open=True) == [Turn.NOTHING, Turn.NOTHING, Turn.CLEARED]


def test_a_flap_is_one_and_the_same() -> None:
    steps = ((0, False), (50, True), (60, False), (110, False), (120, False))
    assert run(*steps, is_open=True) == [Turn.NOTHING, Turn.HOLDS, Turn.NOTHING, Turn.NOTHING, Turn.CLEARED]


def test_what_cannot_be_judged_any_more_ends() -> None:
    limit = UNKNOWN_US / SECOND_US
    steps = ((0, None), (limit - 1, None), (limit, None))
    assert run(*steps, is_open=True) == [Turn.NOTHING, Turn.NOTHING, Turn.NO_READING]


def test_a_reading_in_between_gives_it_more_time() -> None:
    limit = UNKNOWN_US / SECOND_US
    steps = ((0, None), (limit - 1, True), (limit, None), (2 * limit - 1, None))
    assert run(*steps, is_open=True)[-1] is Turn.NOTHING


def test_a_clock_that_goes_back_starts_the_time_again() -> None:
    timer, _ = turn(Timer(), True, 1000 * SECOND_US, TIMING, is_open=False)
    timer, what = turn(timer, True, 10 * SECOND_US, TIMING, is_open=False)
    assert (timer.holds_since, what) == (10 * SECOND_US, Turn.NOTHING)
    assert turn(timer, True, 40 * SECOND_US, TIMING, is_open=False)[1] is Turn.OPEN


@given(st.lists(st.sampled_from([True, False, None]), max_size=60))
def test_opening_and_ending_take_turns(verdicts: list[bool | None]) -> None:
    said = run(*((index * 10.0, holds) for index, holds in enumerate(verdicts)))
    edges = [what for what in said if what in (Turn.OPEN, Turn.CLEARED, Turn.NO_READING)]
    assert all((what is Turn.OPEN) == (place % 2 == 0) for place, what in enumerate(edges))
