"""wes_velocity_drop: a relative fall, at one model and one load."""

import pytest

from processors.patterns.wes_velocity_drop import PATTERN, WesVelocityDrop, judge
from processors.windows.slot import Slot
from processors.windows.window import Window
from schemas.events.reading import NAN
from tests.slots import model_slot, runtime_slot, slot, window

LIMITS = WesVelocityDrop()
WIGGLE = (0.99, 1.0, 1.01, 1.0)


def falling(share: float, level: float = 0.3, **more: object) -> Window:
    """WES that loses a share evenly over ten minutes, with a wiggle of one percent."""

    def pane(index: int) -> Slot:
        return slot(index, wes=level * (1.0 - share * index / 59) * WIGGLE[index % 4], **more)

    return window(600, pane)


@pytest.mark.parametrize("level", [0.02, 0.3, 4.0, 40.0])
def test_it_fires_at_any_level(level: float) -> None:
    found = judge(falling(0.2, level), LIMITS)
    assert found.holds is True
    assert found.severity == "warning"
    assert found.subjects == ("llama-3.1-8b",)
    assert "WES fell by 20%" in found.text
    assert found.evidence[0].value == pytest.approx(0.0225, abs=0.002)


def test_just_below_it_does_not() -> None:
    assert judge(falling(0.09), LIMITS).holds is False
    assert judge(falling(0.12), LIMITS).holds is True


def test_a_smaller_batch_costs_efficiency_and_is_no_fault() -> None:
    loads = [12.0, 11.0, 13.0, 10.0, 12.0, 9.0, 7.0, 8.0, 6.0, 7.0, 5.0, 6.0]

    def pane(index: int) -> Slot:
        load = loads[index // 5]
        return slot(index, wes=0.1 * load**0.6, runtimes=(runtime_slot(requests_running=load),))

    assert judge(window(600, pane), LIMITS).holds is not True


def test_a_fall_on_top_of_a_changing_load_is_seen() -> None:
    def pane(index: int) -> Slot:
        load = 8.0 + index % 5
        wes = 0.1 * load**0.6 * (1.0 - 0.3 * index / 59)
        return slot(index, wes=wes, runtimes=(runtime_slot(requests_running=load),))

    assert judge(window(600, pane), LIMITS).holds is True


def test_scatter_is_no_fall() -> None:
    noise = (1.3, 0.7, 1.1, 0.6, 1.4, 0.9, 1.2, 0.8)

    def pane(index: int) -> Slot:
        return slot(index, wes=0.3 * noise[index * 5 % 8] * (1.0 - 0.12 * index / 59))

    assert judge(window(600, pane), LIMITS).holds is not True


def test_longer_prompts_are_another_load() -> None:
    def pane(index: int) -> Slot:
        prompts = 200.0 * (1 + index // 6)
        wrote = 2000.0
        share = prompts / (prompts + wrote)
        return slot(index, wes=0.4 - 0.3 * share, runtimes=(runtime_slot(prompt_tokens=prompts),))

    assert judge(window(600, pane), LIMITS).holds is not True


def test_heat_is_another_matter() -> None:
    assert judge(falling(0.3, hot=0.4), LIMITS).holds is True
    assert judge(falling(0.3, hot=0.6), LIMITS).holds is False


def test_a_swap_of_models_is_no_fall() -> None:
    def pane(index: int) -> Slot:
        name = "small-8b" if index < 30 else "large-70b"
        return slot(index, wes=1.0 if index < 30 else 0.1, models=(model_slot(name),))

    assert judge(window(600, pane), LIMITS).holds is None


def test_what_does_not_count_is_unknown_and_what_rests_is_over() -> None:
    assert judge(window(600, lambda index: slot(index, wes=NAN)), LIMITS).holds is None
    mute = (runtime_slot("ollama:11434", requests_running=NAN),)
    assert judge(falling(0.3, runtimes=mute), LIMITS).holds is None
    idle = window(600, lambda index: slot(index, live=0.0, idle=1.0, wes=NAN))
    assert judge(idle, LIMITS).holds is False


def test_the_window_is_ten_minutes() -> None:
    assert (PATTERN.id, PATTERN.window_s, PATTERN.hints) == ("wes_velocity_drop", 600, {"warning": "monitor"})
