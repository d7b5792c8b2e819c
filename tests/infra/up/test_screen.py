import io
import re

import pytest
from rich.console import Console

from infra.up.fleet_lines import NONE, Line
from infra.up.screen import PlainScreen, TerminalScreen

IDLE = Line("gpu-01", "idle", NONE, NONE, "71.3 W", "38.0 °C", "2%", "0.4 s")
LIVE = Line("gpu-01", "live", "120 tok/s", "1.2", "301 W", "61.0 °C", "9%", "0.4 s")


def test_the_plain_screen_prints_a_line_for_each_thing_that_happens() -> None:
    out: list[str] = []
    screen = PlainScreen(out.append)
    screen.part("kafka", "starting")
    screen.part("kafka", "starting", "downloading Kafka: 3 of 46 files, 5.1 MB")
    screen.part("kafka", "ready")
    screen.say("up")
    assert out == [
        "kafka: starting",
        "kafka: starting, downloading Kafka: 3 of 46 files, 5.1 MB",
        "kafka: ready",
        "up",
    ]


def test_the_plain_screen_prints_a_node_when_it_does_something_else() -> None:
    out: list[str] = []
    screen = PlainScreen(out.append)
    for line in (IDLE, IDLE, LIVE, LIVE, IDLE):
        screen.nodes([line])
    assert out == [str(IDLE), str(LIVE), str(IDLE)]


@pytest.fixture
def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100, height=12, color_system=None)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", console.file.getvalue())


def test_on_a_terminal_a_part_that_is_ready_stays_with_its_time(terminal: Console) -> None:
    screen = TerminalScreen(terminal)
    screen.part("kafka", "starting", "a detail\nof two lines")
    screen.part("kafka", "ready")
    screen.close()
    last = [line for line in shown(terminal).splitlines() if "ready" in line]
    assert len(last) == 1
    assert last[0].split()[:2] == ["kafka", "ready"]
    assert last[0].rstrip().endswith(" s")


def test_on_a_terminal_a_long_command_is_not_broken(terminal: Console) -> None:
    screen = TerminalScreen(terminal)
    command = 'penstock sql "SELECT ' + ", ".join(f"column_{n}" for n in range(20)) + ' FROM nodes"'
    screen.say(command)
    screen.close()
    assert command in shown(terminal)


def test_on_a_terminal_the_last_lines_of_the_nodes_stay(terminal: Console) -> None:
    screen = TerminalScreen(terminal)
    screen.nodes([LIVE])
    screen.close()
    rest = shown(terminal).rsplit("node", 1)[1]
    assert "120 tok/s" in rest
    assert "61.0 °C" in rest


def test_more_nodes_than_fit_are_counted(terminal: Console) -> None:
    screen = TerminalScreen(terminal)
    screen.nodes([LIVE] * 30)
    screen.close()
    assert "and 22 more" in shown(terminal)
