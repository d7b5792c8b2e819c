"""Steps of the clock and suspensions, by three clocks that a test sets."""

import pytest

from producers.node.clock_watch import LEAST_STEP_S, Clocks, ClockWatch, Notice, read


class World:
    """Three clocks."""

    def __init__(self) -> None:
        self.wall_s, self.running_s, self.elapsed_s = 1.7e9, 100.0, 500.0

    def run(self, seconds: float) -> Clocks:
        self.running_s += seconds
        self.elapsed_s += seconds
        self.wall_s += seconds
        return self.now

    def sleep(self, seconds: float) -> Clocks:
        self.elapsed_s += seconds
        self.wall_s += seconds
        return self.now

    @property
    def now(self) -> Clocks:
        return Clocks(self.wall_s, self.running_s, self.elapsed_s)


def test_time_that_passes_is_nothing() -> None:
    world, watch = World(), ClockWatch()
    assert [watch.notice(world.run(1.0 + index % 3)) for index in range(1000)] == [Notice()] * 1000
    assert (watch.steps, watch.suspensions) == (0, 0)


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 0.3, -0.3])
def test_a_step_is_noticed_once(step_s: float) -> None:
    world, watch = World(), ClockWatch()
    watch.notice(world.run(1))
    world.wall_s += step_s
    notice = watch.notice(world.run(1))
    assert notice.stepped_s == pytest.approx(step_s, abs=1e-5)
    assert notice.suspects()[0][::2] == ("occurred_at", "clock_step")
    assert watch.notice(world.run(1)) == Notice()
    assert (watch.steps, watch.suspensions) == (1, 0)


def test_a_clock_that_is_slewed_is_not_stepped() -> None:
    world, watch = World(), ClockWatch()
    for _ in range(10_000):
        world.wall_s += 0.0005
        assert watch.notice(world.run(1)) == Notice()
    assert world.wall_s - world.elapsed_s > 1.7e9 - 500 + LEAST_STEP_S


def test_a_suspension_is_no_step() -> None:
    world, watch = World(), ClockWatch()
    watch.notice(world.run(1))
    world.sleep(8 * 3600)
    notice = watch.notice(world.run(1))
    assert notice.stepped_s == 0.0
    assert notice.suspended_s == pytest.approx(8 * 3600)
    (suspect,) = notice.suspects()
    assert (suspect.reading, suspect.why) == ("agent.monotonic_s", "suspended")
    assert (watch.steps, watch.suspensions) == (0, 1)


def test_both_at_once_are_told_apart() -> None:
    world, watch = World(), ClockWatch()
    watch.notice(world.run(1))
    world.sleep(60)
    world.wall_s -= 5
    notice = watch.notice(world.run(1))
    assert notice.suspended_s == pytest.approx(60)
    assert notice.stepped_s == pytest.approx(-5)


def test_the_clocks_of_this_machine_agree_with_one_another() -> None:
    watch = ClockWatch()
    assert [watch.notice(read()) for _ in range(3)] == [Notice()] * 3
