import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.schedule import Grid, Tick, ticks


class FakeClock:
    """Time that passes only by sleeping, with an error each time."""

    def __init__(self, errors: list[float]) -> None:
        self.time_s = 100.0
        self._errors = itertools.cycle(errors)

    def now(self) -> float:
        return self.time_s

    async def sleep(self, seconds: float) -> None:
        self.time_s += max(1e-6, seconds + next(self._errors))


async def take(clock: FakeClock, count: int, work_s: float = 0.0) -> list[Tick]:
    found = []
    async for tick in ticks(1.0, clock.now, clock.sleep):
        found.append(tick)
        clock.time_s += work_s
        if len(found) == count:
            break
    return found


def test_late_timers_do_not_add_up() -> None:
    found = asyncio.run(take(FakeClock([0.03, -0.002, 0.0]), 1000))
    assert [tick.due_s for tick in found] == [100.0 + number for number in range(1000)]
    assert max(tick.lateness_s for tick in found) < 0.031
    assert sum(tick.missed for tick in found) == 0


def test_work_that_takes_longer_than_the_interval_misses_and_counts() -> None:
    found = asyncio.run(take(FakeClock([0.0]), 4, work_s=2.5))
    assert [(tick.due_s, tick.missed) for tick in found] == [(100, 0), (102, 1), (105, 2), (107, 1)]


def test_a_machine_that_stood_still_takes_one_sample_and_counts_the_rest() -> None:
    grid = Grid(1.0, 0.0)
    assert grid.take(0.0) == Tick(0.0, 0.0, 0)
    assert grid.take(3600.25) == Tick(3600.0, 0.25, 3599)
    assert grid.due_s == 3601.0


@given(st.lists(st.floats(0, 10), max_size=50), st.sampled_from([0.05, 0.1, 1.0, 60.0]))
def test_taken_and_missed_are_all_moments(delays: list[float], interval_s: float) -> None:
    grid = Grid(interval_s, 0.0)
    seen = 0
    for delay_s in delays:
        tick = grid.take(grid.due_s + delay_s)
        seen += 1 + tick.missed
        assert 0 <= tick.lateness_s <= interval_s * 1.000001
        assert tick.due_s == pytest.approx((seen - 1) * interval_s)
