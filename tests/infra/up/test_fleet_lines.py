from dataclasses import replace

from api.query.fleet import Node
from infra.up.fleet_lines import NONE, lines, what_matters
from schemas.events.node_state import GpuState, NodeState

NOW = 1_700_000_000_000_000
IDLE = NodeState(
    id="i",
    node_id="gpu-01",
    fleet="default",
    boot_id="b",
    occurred_at=NOW,
    seq=1,
    arrived_at=NOW,
    inference_state="idle",
    inference_reason="",
    inference_since=NOW,
    thermal_state="normal",
    thermal_reason="",
    thermal_since=NOW,
    cpu_thermal_state="unknown",
)
LIVE = IDLE._replace(
    inference_state="live",
    thermal_state="serious",
    tokens_per_second=123.4,
    power_w=88.25,
    wes=1.23456,
    cpu_ratio=0.5,
    gpus=(
        GpuState("a", "ok", "normal", temperature_c=61.0),
        GpuState("b", "ok", "serious", temperature_c=84.5),
        GpuState("c", "lost", "unknown"),
    ),
)


def node(state: NodeState | None, age_s: float = 0.5) -> Node:
    return Node("gpu-01", state=state, seen_at=NOW - int(age_s * 1e6))


def test_a_line_has_every_reading_with_its_unit() -> None:
    (line,) = lines([node(LIVE)], NOW)
    assert str(line) == "gpu-01: live, serious heat, 123 tok/s, WES 1.23, 88.2 W, 84.5 °C, 50%, 0.5 s"


def test_no_reading_is_a_dash_and_left_out_of_the_plain_line() -> None:
    (line,) = lines([node(IDLE)], NOW)
    assert (line.speed, line.wes, line.power, line.temperature, line.cpu) == (NONE,) * 5
    assert str(line) == "gpu-01: idle, 0.5 s"


def test_readings_of_a_node_that_is_down_are_not_shown() -> None:
    (line,) = lines([node(LIVE, age_s=300)], NOW)
    assert (line.state, line.speed, line.power, line.age) == ("down", NONE, NONE, "5 min")


def test_a_node_without_a_state_has_no_line() -> None:
    assert list(lines([node(None)], NOW)) == []


def test_ages_are_short() -> None:
    ages = [next(lines([node(IDLE, age_s=age)], NOW)).age for age in (0.0, 9.94, 59.0, 600.0, 7200.0)]
    assert ages == ["0.0 s", "9.9 s", "59 s", "10 min", "2 h"]


def test_what_matters_is_what_it_does_and_not_how_much() -> None:
    assert what_matters(node(LIVE), NOW) == what_matters(node(LIVE._replace(power_w=1.0)), NOW)
    for other in (IDLE, LIVE._replace(thermal_state="normal"), None):
        assert what_matters(node(other), NOW) != what_matters(node(LIVE), NOW)
    assert what_matters(replace(node(LIVE), seen_at=1), NOW) != what_matters(node(LIVE), NOW)
