"""bandwidth_saturation: waiting for memory, and a third slower than before at no less load."""

from typing import Any

from processors.patterns.bandwidth_saturation import BandwidthSaturation, judge
from processors.windows.slot import Slot
from processors.windows.window import Window
from schemas.events.reading import NAN
from tests.slots import changed, gpu_slot, model_slot, runtime_slot, slot, window

LIMITS = BandwidthSaturation()


def dropping(share: float, *, running: tuple[float, float] = (4.0, 4.0), **readings: Any) -> Window:
    """Five minutes as usual, then five that are slower."""
    bound = {"memory_utilization_ratio": 0.9} | readings

    def pane(index: int) -> Slot:
        late = index >= 30
        return slot(
            index,
            tokens_per_second=200.0 * (1.0 - share) if late else 200.0,
            gpus=(gpu_slot(**bound),),
            runtimes=(runtime_slot(requests_running=running[late]),),
        )

    return window(600, pane)


def test_a_third_less() -> None:
    found = judge(dropping(0.36), LIMITS)
    assert (found.holds, found.severity, found.subjects) == (True, "warning", ("GPU-00000001",))
    assert "36% fewer tokens a second" in found.text
    assert judge(dropping(0.34), LIMITS).holds is False


def test_memory_must_be_what_it_waits_for() -> None:
    assert judge(dropping(0.5, memory_utilization_ratio=0.79), LIMITS).holds is False
    assert judge(dropping(0.5, memory_utilization_ratio=0.81), LIMITS).holds is True


def test_cores_that_wait_with_a_full_memory_are_the_other_sign() -> None:
    spilled: dict[str, Any] = {
        "memory_utilization_ratio": 0.1,
        "utilization_ratio": 0.3,
        "memory_used_bytes": 70e9,
    }
    assert judge(dropping(0.5, **spilled), LIMITS).holds is True
    assert judge(dropping(0.5, **{**spilled, "memory_used_bytes": 60e9}), LIMITS).holds is False
    assert judge(dropping(0.5, **{**spilled, "utilization_ratio": 0.46}), LIMITS).holds is False


def test_a_smaller_batch_is_no_starvation() -> None:
    assert judge(dropping(0.5, running=(16.0, 4.0)), LIMITS).holds is False
    # More requests at once and fewer tokens is worse than that.
    assert judge(dropping(0.5, running=(4.0, 16.0)), LIMITS).holds is True


def test_another_model_is_another_speed() -> None:
    swapped = list(dropping(0.5).slots)
    for index in range(30, 60):
        swapped[index] = changed(swapped[index], models=(model_slot("llama-3.3-70b"),))
    assert judge(window(600, swapped), LIMITS).holds is None


def test_heat_is_another_matter() -> None:
    hot = [one._replace(hot=1.0) for one in dropping(0.5).slots]
    assert judge(window(600, hot), LIMITS).holds is False


def test_what_is_not_told_is_unknown() -> None:
    mute = dropping(0.5, memory_utilization_ratio=NAN, utilization_ratio=NAN)
    assert judge(mute, LIMITS).holds is None
    begun = dropping(0.5).slots[30:]
    assert judge(window(600, begun), LIMITS).holds is None
    assert judge(window(600, lambda i: slot(i, live=0.0, idle=1.0, wes=NAN)), LIMITS).holds is False
    assert judge(window(600, lambda i: slot(i, wes=NAN)), LIMITS).holds is None
