"""How far it is: a bar on a terminal, lines elsewhere."""

import io

import pytest
from rich.console import Console

from infra.cli.progress import EVERY_S, Pace, PlainBar, TerminalBar, bar
from tests.samples import T0


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_event_time_rate_and_what_is_left(clock: Clock) -> None:
    pace = Pace(3600, T0, clock)
    clock.now_s = 60
    assert pace.words(600, 1234) == "2025-11-21 04:50:00  10x  1,234 events  5:00 left"
    clock.now_s = 600
    assert pace.words(1, 5).endswith("599:50:00 left")
    assert "left" not in pace.words(0, 0)


def test_a_pipe_gets_a_line_now_and_then(clock: Clock) -> None:
    lines: list[str] = []
    with PlainBar(lines.append, Pace(100, T0, clock)) as shown:
        shown.show(1, 1)
        clock.now_s = EVERY_S
        shown.show(50, 2)
        shown.show(51, 3)
    assert len(lines) == 1
    assert lines[0].startswith(" 50%  ")


def test_a_terminal_gets_a_bar() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120)
    shown = bar(console, 100, T0)
    assert isinstance(shown, TerminalBar)
    with shown:
        shown.show(50, 7)
        shown._progress.refresh()
    assert "50%" in out.getvalue()
    assert "7 events" in out.getvalue()
    assert isinstance(bar(Console(file=io.StringIO()), 100, T0), PlainBar)
