import pytest

from processors.patterns.pattern import Judgement
from processors.patterns.thermal_drain import PATTERN, ThermalDrain, judge
from processors.windows.slot import Slot
from schemas.events.reading import NAN
from tests.slots import gpu_slot, runtime_slot, slot, window


def heat(
    hot: int, *, cool_speed: float = 200.0, hot_speed: float = 200.0, cool_running: float = 4.0, **more: float
) -> Judgement:
    """Five minutes of which the last ``hot`` panes are hot."""

    def make(index: int) -> Slot:
        is_hot = index >= 30 - hot
        gpu = gpu_slot(thermal_serious=float(is_hot))
        runtime = runtime_slot(requests_running=4.0 if is_hot else cool_running)
        speed = hot_speed if is_hot else cool_speed
        usual = {"tokens_per_second": speed, "hot": float(is_hot), "gpus": (gpu,), "runtimes": (runtime,)}
        return slot(index, **{**usual, **more})

    return judge(window(300, make), ThermalDrain())


def test_hot_for_most_of_the_window_and_slower() -> None:
    found = heat(21, hot_speed=180.0)
    assert found.holds is True
    assert found.severity == "warning"
    assert found.subjects == ("GPU-00000001",)
    assert "10%" in found.text


@pytest.mark.parametrize(
    ("hot", "hot_speed", "holds"),
    [
        (20, 180.0, False),  # 67 % of the window
        (21, 184.0, False),  # a loss of 8 %
        (21, 183.0, True),
        (30, 200.0, True),  # hot all through: nothing to compare with
    ],
)
def test_boundaries(hot: int, hot_speed: float, holds: bool) -> None:
    assert heat(hot, hot_speed=hot_speed).holds is holds


def test_a_fifth_lost_is_critical() -> None:
    assert heat(21, hot_speed=160.0).severity == "warning"
    assert heat(21, hot_speed=159.0).severity == "critical"


def test_more_work_while_hot_hides_no_loss() -> None:
    """Before it was hot it had a quarter of the requests: its speed then is no measure."""
    assert heat(21, cool_speed=80.0, hot_speed=160.0, cool_running=1.0).holds is True


def test_idle_is_not_drained() -> None:
    assert heat(30, live=0.2).holds is False
    assert heat(30, live=0.3).holds is True


def test_no_reading_of_heat_is_unknown() -> None:
    assert heat(30, thermal_known=0.6).holds is None
    assert heat(30, live=NAN).holds is None


def test_steers_away() -> None:
    assert set(PATTERN.hints.values()) == {"steer_away"}
