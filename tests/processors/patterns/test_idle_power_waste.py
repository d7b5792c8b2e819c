from typing import Any

import pytest

from processors.patterns.idle_power_waste import PATTERN, IdlePowerWaste, judge
from processors.patterns.pattern import Judgement
from processors.windows.slot import Slot
from schemas.events.reading import NAN
from tests.slots import gpu_slot, slot, window

IDLE = {"live": 0.0, "idle": 1.0, "busy": 0.0}


def waste(*gpus: dict[str, Any], busy_panes: int = 0, **readings: object) -> Judgement:
    """Ten minutes at rest but for the first ``busy_panes``."""

    def make(index: int) -> Slot:
        state = {**IDLE, "live": 1.0, "idle": 0.0} if index < busy_panes else IDLE
        found = tuple(
            gpu_slot(
                f"GPU-{n}", **{key: value(index) if callable(value) else value for key, value in g.items()}
            )
            for n, g in enumerate(gpus)
        )
        return slot(index, gpus=found, **{**state, **readings})

    return judge(window(600, make), IdlePowerWaste())


@pytest.mark.parametrize(("watts", "holds"), [(50.0, True), (49.9, False)])
def test_thirty_kilojoules_in_ten_minutes(watts: float, holds: bool) -> None:
    assert waste({"power_w": watts}).holds is holds


def test_all_accelerators_count() -> None:
    found = waste({"power_w": 25.0}, {"power_w": 25.0})
    assert found.holds is True
    assert found.severity == "info"
    assert found.subjects == ("llama-3.1-8b",)
    assert "drew 50 W" in found.text
    assert "1.2 kWh a day" in found.text


def test_the_energy_counter_is_better_than_power() -> None:
    counter = {"energy_first_j": lambda i: 1e6 + 700.0 * i, "energy_last_j": lambda i: 1e6 + 700.0 * i + 700}
    assert waste({"power_w": 10.0, **counter}).evidence[0].value == 42.0
    begun_anew = {
        "energy_first_j": lambda i: 700.0 * (i % 30),
        "energy_last_j": lambda i: 700.0 * (i % 30) + 700,
    }
    assert waste({"power_w": 60.0, **begun_anew}).evidence[0].value == pytest.approx(36.0)


def test_one_request_is_enough() -> None:
    assert waste({"power_w": 90.0}).holds is True
    assert waste({"power_w": 90.0}, busy_panes=1).holds is False
    assert waste({"power_w": 90.0}, live=0.002, idle=0.998).holds is False


def test_nothing_loaded_wastes_nothing() -> None:
    assert waste({"power_w": 90.0}, models=()).holds is False


def test_unknown() -> None:
    assert waste({"power_w": NAN}).holds is None
    assert waste({"power_w": 90.0}, {"power_w": NAN}).holds is None
    assert waste({"power_w": 90.0}, live=NAN, idle=NAN, busy=NAN).holds is None
    assert waste().holds is None


def test_an_idle_node_is_what_routers_want() -> None:
    assert PATTERN.hints == {"info": "clear"}
