import pytest

from processors.patterns.clock_skew import ClockSkew, judge
from processors.patterns.pattern import Judgement
from schemas.events.reading import NAN
from tests.slots import slot, window


def skew(*seconds: float, own: float = NAN) -> Judgement:
    found = list(seconds) if len(seconds) > 1 else list(seconds) * 6
    slots = [slot(index, clock_skew_s=each, clock_offset_s=own) for index, each in enumerate(found)]
    return judge(window(60, slots), ClockSkew())


@pytest.mark.parametrize(
    ("seconds", "holds", "severity"),
    [
        (1.9, False, "warning"),
        (2.0, True, "warning"),
        (60.0, True, "critical"),
        (-4.9, False, "warning"),
        (-5.0, True, "warning"),
        (-60.0, True, "critical"),
        (-0.05, False, "warning"),
    ],
)
def test_ahead_and_behind(seconds: float, holds: bool, severity: str) -> None:
    found = skew(seconds)
    assert (found.holds, found.severity) == (holds, severity)


def test_says_which_way() -> None:
    assert skew(30.0).text == "the node's clock is 30.0 s ahead"
    assert skew(-30.0).text == "the node's clock is 30.0 s behind"


def test_all_through_the_minute() -> None:
    assert skew(0.0, 30.0, 30.0, 30.0, 30.0, 30.0).holds is False
    assert skew(-30.0, -30.0, -30.0, -0.1, -30.0, -30.0).holds is False


def test_a_slow_way_is_no_wrong_clock() -> None:
    """Delays make a clock look behind: its own time source knows better."""
    assert skew(-20.0, own=0.01).holds is False
    assert skew(-20.0, own=-20.0).holds is True
    assert skew(-20.0).confidence < skew(-20.0, own=-20.0).confidence
    assert skew(20.0, own=0.01).holds is True


def test_without_samples_unknown() -> None:
    assert skew(NAN).holds is None
    assert skew(NAN, NAN, NAN, NAN, 30.0, 30.0).holds is None
