"""Memory: what does not fit goes to swap, and everyone waits for the disk."""

import pytest

from producers.simulator.physics.memory import Memory

GB = 1e9


def memory(**held: float) -> Memory:
    one = Memory(64 * GB, 16 * GB, 4 * GB)
    for name, value in held.items():
        setattr(one, name, value)
    return one


def run(one: Memory, seconds: int) -> None:
    for _ in range(seconds):
        one.step(1.0)


def test_what_fits_waits_for_nothing() -> None:
    one = memory(served=30 * GB)
    run(one, 60)
    assert (one.used, one.swapped, one.some) == (34 * GB, 0.0, 0.0)


def test_what_does_not_fit_is_swapped_out_at_the_speed_of_the_disk() -> None:
    one = memory(served=65 * GB)
    one.step(1.0)
    assert one.out_bytes_per_s == pytest.approx(450e6)
    run(one, 60)
    assert one.swapped == pytest.approx(69 * GB - 64 * GB * 0.985, rel=0.01)
    assert one.out_bytes_per_s == 0.0, "and then it rests"


def test_pages_that_are_touched_come_back_and_push_others_out() -> None:
    one = memory(served=20 * GB, hogged=48 * GB, touched_bytes_per_s=2 * GB)
    run(one, 60)
    assert one.in_bytes_per_s > 50e6
    assert one.out_bytes_per_s > 50e6
    assert 0.1 < one.some < 1
    assert 0 < one.stall < one.some


def test_the_kernel_kills_when_swap_is_full_too() -> None:
    one = memory(served=20 * GB, leaked=70 * GB)
    run(one, 5)
    assert one.killed == 1
    assert one.leaked == 0.0
    assert one.used < 30 * GB


def test_it_recovers_when_the_program_is_gone() -> None:
    one = memory(served=20 * GB, hogged=48 * GB, touched_bytes_per_s=2 * GB)
    run(one, 60)
    one.hogged = one.touched_bytes_per_s = 0.0
    run(one, 400)
    assert one.swapped == 0.0
    assert one.some < 0.001
