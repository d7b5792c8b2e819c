"""Times of facts never go back, whatever is done to the wall clock."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.router.lifecycle.clock import Clock


class Times:
    wall_us = 1_000_000_000
    mono_s = 5.0

    def clock(self) -> Clock:
        return Clock(lambda: self.wall_us, lambda: self.mono_s)

    def passes(self, seconds: float, set_by_s: float = 0.0) -> None:
        self.mono_s += seconds
        self.wall_us += round((seconds + set_by_s) * 1e6)


def test_a_clock_set_forward_is_followed_and_told(caplog: pytest.LogCaptureFixture) -> None:
    times = Times()
    clock = times.clock()
    times.passes(10, 3600)
    assert clock.now_us() == 1_010_000_000
    with caplog.at_level(logging.WARNING):
        clock.check()
    assert clock.now_us() == times.wall_us
    assert "set forward by 3600.000 s" in caplog.text


def test_a_clock_set_back_is_not_followed_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    times = Times()
    clock = times.clock()
    times.passes(10, -60)
    with caplog.at_level(logging.WARNING):
        clock.check()
        clock.check()
    assert clock.now_us() == 1_010_000_000
    assert clock.ahead_us == 60_000_000
    assert len(caplog.records) == 1


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(-1000, 1000))))
def test_times_never_go_back(steps: list[tuple[float, float]]) -> None:
    times = Times()
    clock = times.clock()
    logging.disable(logging.WARNING)
    before = clock.now_us()
    for seconds, set_by_s in steps:
        times.passes(seconds, set_by_s)
        clock.check()
        assert clock.now_us() >= before
        before = clock.now_us()
    logging.disable(logging.NOTSET)
