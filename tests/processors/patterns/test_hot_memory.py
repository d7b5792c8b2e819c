import pytest

from processors.patterns.hot_memory import HotMemory, judge
from processors.patterns.pattern import Judgement
from processors.windows.slot import Slot
from schemas.events.reading import NAN
from tests.slots import gpu_slot, health_slot, slot, window


def memory(*degrees: float, hot: int = 18, most: float = 95.0, name: str = "NVIDIA H100") -> Judgement:
    """Each of ``degrees`` is the memory of one accelerator in the last ``hot`` of 18 panes; 60 before."""

    def make(index: int) -> Slot:
        found = [each if index >= 18 - hot else 60.0 for each in degrees]
        health = tuple(health_slot(f"GPU-{n}", memory_temperature_max_c=most) for n in range(len(degrees)))
        gpus = tuple(
            gpu_slot(f"GPU-{n}", name=name, memory_temperature_c=each) for n, each in enumerate(found)
        )
        return slot(index, gpus=gpus, health=health if index % 3 == 0 else ())

    return judge(window(180, make), HotMemory())


@pytest.mark.parametrize(
    ("degrees", "hot", "holds"), [(90.0, 18, True), (89.9, 18, False), (92.0, 13, True), (92.0, 12, False)]
)
def test_within_five_degrees_of_its_maximum(degrees: float, hot: int, holds: bool) -> None:
    found = memory(degrees, hot=hot)
    assert found.holds is holds
    assert found.severity == "warning"


def test_critical_from_the_maximum_on() -> None:
    assert memory(95.0).severity == "critical"
    assert memory(94.9).severity == "warning"


@pytest.mark.parametrize(("degrees", "holds"), [(100.0, True), (99.0, False)])
def test_gddr_tells_no_maximum(degrees: float, holds: bool) -> None:
    assert memory(degrees, most=NAN).holds is holds
    assert memory(degrees, most=0.0).holds is holds


def test_one_of_several() -> None:
    found = memory(70.0, 93.0, 70.0)
    assert found.subjects == ("GPU-1",)
    assert found.text == "the memory of GPU-1 is at 93 °C; its maximum is 95 °C"


def test_without_the_sensor_unknown() -> None:
    assert memory(NAN, hot=10).holds is None
    assert memory().holds is None
    gpus = (gpu_slot(),)
    assert judge(window(180, lambda index: slot(index, gpus=gpus)), HotMemory()).holds is None


def test_a_sibling_without_its_reading_is_unknown_and_another_board_is_not() -> None:
    assert memory(70.0, NAN, hot=18).holds is None
    two = (gpu_slot("GPU-0", memory_temperature_c=70.0), gpu_slot("GPU-1", name="NVIDIA L4"))
    assert judge(window(180, lambda index: slot(index, gpus=two)), HotMemory()).holds is False
