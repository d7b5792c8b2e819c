import pytest

from processors.patterns.frozen_sensor import FrozenSensor, judge
from processors.patterns.pattern import Judgement
from processors.windows.slot import Slot
from tests.slots import slot, suspect_slot, window

POWER = "gpu.GPU-00000001.power_w"


def frozen(*shares: float, why: str = "frozen") -> Judgement:
    """These shares of the samples of the last panes of a minute had the reading set aside."""

    def make(index: int) -> Slot:
        place = index - (6 - len(shares))
        share = shares[place] if place >= 0 else 0.0
        return slot(index, suspects=(suspect_slot(POWER, why, 213.5, share),) if share else ())

    return judge(window(60, make), FrozenSensor())


@pytest.mark.parametrize(
    ("shares", "holds"),
    [
        ((1.0, 1.0, 1.0), True),
        ((0.9, 1.0, 1.0), False),
        ((1.0, 1.0, 1.0, 1.0, 0.0), False),  # it moves again
        ((), False),
    ],
)
def test_half_of_a_minute(shares: tuple[float, ...], holds: bool) -> None:
    assert frozen(*shares).holds is holds


def test_names_the_reading() -> None:
    found = frozen(1.0, 1.0, 1.0)
    assert found.subjects == (POWER,)
    assert found.text == f"standing still: {POWER} at 213.5"


def test_an_impossible_reading_is_another_matter() -> None:
    assert frozen(*[1.0] * 6, why="over_rating").holds is False


def test_several() -> None:
    names = [f"gpu.GPU-{n}.temperature_c" for n in range(6)]
    found = judge(
        window(60, lambda index: slot(index, suspects=tuple(map(suspect_slot, names)))), FrozenSensor()
    )
    assert len(found.subjects) == 6
    assert found.text.endswith("and 2 more")


def test_without_panes_unknown() -> None:
    assert judge(window(60, []), FrozenSensor()).holds is None
