"""bandwidth_saturation: bound by memory, and a third less efficient than before at the same load."""

from typing import Any

from processors.patterns.bandwidth_saturation import BandwidthSaturation, judge
from processors.windows.slot import Slot
from processors.windows.window import Window
from schemas.events.reading import NAN
from tests.slots import gpu_slot, runtime_slot, slot, window

LIMITS = BandwidthSaturation()


def dropping(share: float, *, running: tuple[float, float] = (4.0, 4.0), **readings: Any) -> Window:
    """Five minutes as usual, then five that are less efficient."""
    bound = {"memory_utilization_ratio": 0.9} | readings

    def pane(index: int) -> Slot:
        late = index >= 30
        return slot(
            index,
            wes=0.3 * (1.0 - share) if late else 0.3,
            gpus=(gpu_slot(**bound),),
            runtimes=(runtime_slot(requests_running=running[late]),),
        )

    return window(600, pane)


def test_a_third_less() -> None:
    found = judge(dropping(0.36), LIMITS)
    assert (found.holds, found.severity, found.subjects) == (True, "warning", ("GPU-00000001",))
    assert "WES is 36% lower" in found.text
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
    assert judge(dropping(0.5, running=(16.0, 4.0)), LIMITS).holds is not True


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
