"""The speed of a replay."""

from infra.replay.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def now(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def test_log_time_passes_so_many_times_as_fast() -> None:
    clock = Clock()
    pace = Pace(1_000_000_000, 60.0, clock.now, clock.sleep)
    for second in range(0, 3601, 10):
        pace(1_000_000_000 + second * 1_000_000)
    assert round(clock.now_s - 100.0, 6) == 60.0


def test_the_warm_up_is_not_waited_for_and_a_slow_reader_catches_up() -> None:
    clock = Clock()
    pace = Pace(1_000_000_000, 1.0, clock.now, clock.sleep)
    pace(0)
    pace(999_999_999)
    assert clock.now_s == 100.0
    pace(1_000_000_000)
    clock.now_s += 30.0
    pace(1_020_000_000)
    assert clock.now_s == 130.0
    pace(1_031_000_000)
    assert clock.now_s == 131.0
