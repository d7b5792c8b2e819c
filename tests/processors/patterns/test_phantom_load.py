from typing import Any

import pytest

from processors.patterns.pattern import Judgement
from processors.patterns.phantom_load import PhantomLoad, judge
from processors.windows.slot import Slot
from schemas.events.reading import NAN
from tests.slots import gpu_slot, slot, window

IDLE = {"live": 0.0, "idle": 1.0, "busy": 0.0}


def phantom(phantom_panes: int = 30, *, state: dict[str, float] | None = None, loaded: bool = True,
            **readings: float) -> Judgement:  # fmt: skip
    """Nothing served for five minutes; ``readings`` are of the first panes, the rest are at rest."""

    def make(index: int) -> Slot:
        usual = {"power_w": 300.0, "utilization_ratio": 0.4} if index < phantom_panes else {
            "power_w": 70.0, "utilization_ratio": 0.0}  # fmt: skip
        found: dict[str, Any] = {**usual, **(readings if index < phantom_panes else {})}
        models = {} if loaded else {"models": ()}
        return slot(index, gpus=(gpu_slot(**found),), **(state or IDLE), **models)

    return judge(window(300, make), PhantomLoad())


@pytest.mark.parametrize(("panes", "holds"), [(30, True), (21, True), (20, False), (0, False)])
def test_work_without_requests(panes: int, holds: bool) -> None:
    assert phantom(panes).holds is holds


@pytest.mark.parametrize(("watts", "holds"), [(107.0, True), (105.0, False)])
def test_against_what_it_draws_at_rest(watts: float, holds: bool) -> None:
    """70 W at rest: 1.3 times that and 15 W are 106."""
    assert phantom(power_w=watts).holds is holds


@pytest.mark.parametrize(("used", "holds"), [(0.2, True), (0.19, False)])
def test_by_utilization_where_idle_power_was_never_learned(used: float, holds: bool) -> None:
    assert phantom(idle_power_w=NAN, utilization_ratio=used).holds is holds


def test_busy_is_not_served_either() -> None:
    assert phantom(state={"live": 0.0, "idle": 0.0, "busy": 1.0}).holds is True


def test_what_is_served_is_no_phantom() -> None:
    assert phantom(state={"live": 1.0, "idle": 0.0, "busy": 0.0}).holds is False


def test_without_a_model_it_is_another_program() -> None:
    assert phantom(loaded=False).holds is False


def test_unknown() -> None:
    assert phantom(power_w=NAN, utilization_ratio=NAN).holds is None
    assert phantom(state={"live": 0.0, "idle": 0.0, "busy": 0.0}).holds is None
    assert phantom(state={"live": NAN, "idle": NAN, "busy": NAN}).holds is None


def test_says_how_much() -> None:
    found = phantom()
    assert "230 W above its idle power" in found.text
    assert found.severity == "warning"
