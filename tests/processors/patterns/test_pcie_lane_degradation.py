import pytest

from processors.patterns.pattern import Judgement
from processors.patterns.pcie_lane_degradation import PATTERN, PcieLaneDegradation, judge
from processors.windows.slot import Slot
from schemas.events.reading import NAN
from tests.slots import gpu_slot, health_slot, slot, window


def link(*gpus: dict[str, float], working: int = 12, lesser: int = 12) -> Judgement:
    """Links; ``gpus`` are readings of the first ``lesser`` panes; work is in the first ``working`` ones."""

    def make(index: int) -> Slot:
        work = {} if index < working else {"active": 0.0, "utilization_ratio": 0.0}
        return slot(
            index,
            gpus=tuple(gpu_slot(f"GPU-{n}", **work) for n in range(len(gpus))),
            health=tuple(
                health_slot(f"GPU-{n}", **(each if index < lesser else {})) for n, each in enumerate(gpus)
            ),
        )

    return judge(window(120, make), PcieLaneDegradation())


@pytest.mark.parametrize(("width", "severity"), [(12.0, "warning"), (8.0, "critical"), (4.0, "critical")])
def test_fewer_lanes_under_load(width: float, severity: str) -> None:
    found = link({"pcie_width": width})
    assert (found.holds, found.severity) == (True, severity)
    assert f"{width:.0f} of 16 lanes" in found.text


def test_an_older_generation_under_load() -> None:
    found = link({"pcie_generation": 3.0})
    assert (found.holds, found.severity) == (True, "warning")


def test_full_width() -> None:
    assert link({}).holds is False
    assert link({"pcie_width": 8.0, "pcie_width_max": 8.0}).holds is False


@pytest.mark.parametrize(("working", "holds"), [(6, True), (5, None), (0, None)])
def test_at_rest_a_lesser_link_tells_nothing(working: int, holds: bool | None) -> None:
    assert link({"pcie_width": 8.0}, working=working).holds is holds
    assert link({"pcie_generation": 1.0}, working=working).holds is holds


def test_at_rest_a_full_link_is_full() -> None:
    assert link({}, working=0).holds is False


@pytest.mark.parametrize(("lesser", "holds"), [(11, True), (10, False)])
def test_not_for_an_instant(lesser: int, holds: bool) -> None:
    assert link({"pcie_width": 8.0}, lesser=lesser).holds is holds


def test_each_of_several() -> None:
    assert link({}, {"pcie_width": 8.0}, {}).subjects == ("GPU-1",)


def test_without_readings_unknown() -> None:
    assert link({"pcie_width": NAN}).holds is None
    assert link({"pcie_width_max": NAN}).holds is None
    gpus = (gpu_slot(),)
    assert judge(window(120, lambda index: slot(index, gpus=gpus)), PcieLaneDegradation()).holds is None


def test_a_narrow_link_is_no_reason_to_steer_away() -> None:
    assert set(PATTERN.hints.values()) == {"monitor"}
