"""memory_trajectory: a steady rise towards full, of host or accelerator."""

import pytest

from processors.patterns.memory_trajectory import PATTERN, MemoryTrajectory, judge
from processors.windows.slot import Slot
from processors.windows.window import Window
from schemas.events.reading import NAN
from tests.slots import gpu_slot, slot, window

LIMITS = MemoryTrajectory()
TOTAL = 64e9


def rising(start: float, per_minute: float) -> Window:
    def pane(index: int) -> Slot:
        used = min(1.0, start + per_minute * index / 6) * TOTAL
        return slot(index, memory_used_bytes=used, memory_available_bytes=TOTAL - used)

    return window(600, pane)


def test_a_leak_that_will_be_full_in_half_an_hour() -> None:
    found = judge(rising(0.5, 0.015), LIMITS)
    assert found.holds is True
    assert found.severity == "warning"
    assert found.subjects == ("host",)
    # 0.5 + 59/6 x 0.015 = 0.6475; (0.95 - 0.6475) / 0.015 = 20.2
    assert found.evidence[0].value == pytest.approx(20.2, abs=0.1)
    assert "memory of host is 65% full, rises 1.5% a minute and is full in 20 minutes" in found.text


def test_later_than_that_is_nobodys_business() -> None:
    assert judge(rising(0.3, 0.0162), LIMITS).holds is False  # 30.3 minutes
    assert judge(rising(0.31, 0.0162), LIMITS).holds is True  # 29.7 minutes


def test_the_last_minutes_are_critical() -> None:
    assert judge(rising(0.75, 0.0150), LIMITS).severity == "critical"
    full = judge(rising(0.9, 0.0090), LIMITS)
    assert (full.holds, full.severity, full.evidence[0].value) == (True, "critical", 0.0)


def test_a_slow_rise_is_none_however_full() -> None:
    assert judge(rising(0.9, 0.0029), LIMITS).holds is False
    assert judge(rising(0.9, 0.0031), LIMITS).holds is True
    assert judge(rising(0.9, 0.0), LIMITS).holds is False
    assert judge(rising(0.9, -0.01), LIMITS).holds is False


def test_a_fast_leak_is_seen_after_five_minutes() -> None:
    def pane(index: int) -> Slot:
        used = (0.2 + max(0, index - 29) * 0.03 / 6 * 1.0) * TOTAL
        return slot(index, memory_used_bytes=used, memory_available_bytes=TOTAL - used)

    found = judge(window(600, pane), LIMITS)
    assert found.holds is True
    assert found.evidence[1].value == pytest.approx(0.03, rel=0.02)


def test_models_that_are_loaded_are_jumps() -> None:
    for steps in ((20,), (40,), (15, 45), (10, 25, 40)):

        def pane(index: int, steps: tuple[int, ...] = steps) -> Slot:
            used = (0.3 + 0.15 * sum(index >= step for step in steps)) * TOTAL
            return slot(index, memory_used_bytes=used, memory_available_bytes=TOTAL - used)

        assert judge(window(600, pane), LIMITS).holds is False


def test_each_accelerator_is_judged() -> None:
    def pane(index: int) -> Slot:
        leak = gpu_slot("GPU-2", memory_used_bytes=(0.6 + 0.01 * index / 6) * 80e9)
        part = gpu_slot("MIG-1", whole=False, memory_used_bytes=(0.6 + 0.01 * index / 6) * 80e9)
        return slot(index, gpus=(gpu_slot("GPU-1"), leak, part))

    found = judge(window(600, pane), LIMITS)
    assert (found.holds, found.subjects) == (True, ("GPU-2",))
    assert found.evidence[0].subject == "GPU-2"


def test_without_readings_nothing_is_known() -> None:
    bare = window(600, lambda i: slot(i, memory_used_bytes=NAN, memory_available_bytes=NAN, gpus=()))
    assert judge(bare, LIMITS).holds is None
    begun = [slot(index, gpus=()) for index in range(40, 60)]
    assert judge(window(600, begun), LIMITS).holds is None


def test_hints() -> None:
    assert PATTERN.hints == {"warning": "monitor", "critical": "steer_away"}
