import pytest

from processors.patterns.gpu_lost import PATTERN, GpuLost, judge
from processors.patterns.pattern import Judgement
from processors.windows.slot import Slot
from tests.slots import gpu_slot, health_slot, slot, window


def lost(*shares: float, last: int = 6, gpus: int = 2, xids: tuple[int, ...] = ()) -> Judgement:
    """GPU-0 is lost in these shares of the last panes of a minute."""

    def make(index: int) -> Slot:
        place = index - (6 - len(shares))
        share = shares[place] if place >= 0 else 0.0
        found = tuple(gpu_slot(f"GPU-{n}", lost=share if n == 0 else 0.0) for n in range(gpus))
        return slot(index, gpus=found, health=(health_slot("GPU-0", xids=xids),) if xids else ())

    return judge(window(60, make), GpuLost())


@pytest.mark.parametrize(("share", "holds"), [(0.5, True), (0.4, False)])
def test_most_of_the_newest_pane(share: float, holds: bool) -> None:
    found = lost(share)
    assert found.holds is holds
    if holds:
        assert found.severity == "critical"
        assert found.subjects == ("GPU-0",)
        assert "1 of 2 accelerators are left" in found.text


def test_back_again() -> None:
    assert lost(1.0, 1.0, 0.0).holds is False


def test_the_xid_makes_it_sure() -> None:
    assert lost(1.0).confidence == 0.9
    assert lost(1.0, xids=(79,)).confidence == 1.0
    assert lost(0.0, xids=(79,)).holds is False


def test_the_only_one() -> None:
    assert lost(1.0, gpus=1).holds is True


def test_no_accelerators_none_lost() -> None:
    assert lost(gpus=0).holds is None


def test_steers_away() -> None:
    assert PATTERN.hints == {"critical": "steer_away"}
