"""The screen of ``penstock watch`` as text."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from infra.watch.board import Board
from infra.watch.view import screen
from tests.api.findings import SECOND
from tests.infra.watch.things import NOW, an_alert, an_observation, node

LONG = "GPU-1 has been at 88 °C for 5 min and gives 31% less than when it is cool"


def drawn(board: Board, width: int = 80, height: int | None = 24, foot: str = "q leaves") -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=100, highlight=False)
    now = datetime.fromtimestamp(NOW / 1e6, UTC)
    console.print(screen(board, now, title="127.0.0.1:8800", height=height, foot=foot))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def full(nodes: int, findings: int, **fields: Any) -> Board:
    board = Board(trouble="")
    board.take_nodes([node(f"gpu-{number:02d}", **fields) for number in range(nodes)])
    for number in range(findings):
        board.take("observation", an_observation(str(number), text=LONG, onset_at=NOW - number * SECOND))
    return board


def test_a_node_tells_what_it_does_in_80_columns() -> None:
    board = full(0, 0)
    hot = node("gpu-01", thermal_state="serious", routing_hint="steer_away", temperature_c=91.0,
               memory_used_ratio=0.1, vram_used_ratio=0.72)  # fmt: skip
    board.take_nodes([hot, node("gpu-02", up=False), node("n" * 40, routing_hint="reduce_batch")])
    lines = drawn(board)
    assert max(map(len, lines)) <= 80
    head, first, second, third = lines[3:7]
    assert head.split() == ["node", "state", "routing", "tok/s", "WES", "watts", "°C", "RAM", "VRAM"]
    assert first.split() == [
        "gpu-01",
        "live",
        "hot",
        "steer_away",
        "120",
        "0.34",
        "350",
        "91.0",
        "10%",
        "72%",
    ]
    assert second.split() == ["gpu-02", "down", "7m", *"–––––––"]
    assert "nnnnn…" in third
    assert "reduce_batch" in third
    assert "nothing is open" in lines


def test_the_head_counts_and_says_how_fresh_it_is() -> None:
    board = full(2, 3)
    board.take("alert", an_alert())
    board.take("observation", an_observation("hidden", dismissed_until=NOW + 1))
    head, counts = drawn(board)[:2]
    assert "live" in head
    assert counts == "2 nodes: 2 up  alerts: 1 critical  observations: 3 warning  1 dismissed"
    board.trouble = "the API does not answer, trying again"
    assert drawn(board)[0].endswith("the API does not answer, trying again")


def test_what_is_open_comes_worst_first_with_its_age_and_whole_text() -> None:
    board = full(1, 1)
    board.take("observation", an_observation("seen", acknowledged_by="anna", text="seen text", onset_at=NOW))
    board.take("alert", an_alert(onset_at=NOW - 3600 * SECOND))
    lines = drawn(board)
    at = next(number for number, line in enumerate(lines) if "what is open" in line)
    assert lines[at + 1].split()[:5] == ["60m", "critical", "n1", "alert", "node_offline:"]
    rest = " ".join(" ".join(line.split()) for line in lines[at + 2 :])
    assert "(seen by anna): seen text" in rest
    assert "31% less than when it is cool" in rest


@pytest.mark.parametrize(
    ("nodes", "findings"), [(0, 0), (50, 0), (0, 50), (50, 50), (3, 3), (12, 4), (1, 30)]
)
@pytest.mark.parametrize("height", [18, 24, 50])
def test_it_fits_whatever_there_is(nodes: int, findings: int, height: int) -> None:
    lines = drawn(full(nodes, findings), height=height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "q leaves"
    assert sum("gpu-" in line and "120" in line for line in lines) >= min(nodes, 3)
    assert sum("thermal_drain" in line for line in lines) >= min(findings, 3)


def test_what_does_not_fit_is_counted_and_the_worst_is_shown() -> None:
    board = full(40, 40)
    board.take_nodes([*board.nodes, node("zz", up=False)])
    lines = drawn(board)
    shown = sum("gpu-" in line or "zz" in line for line in lines)
    assert f"and {41 - shown} more nodes" in lines
    assert any(line.startswith("zz") for line in lines)
    assert any(line.startswith("and ") and line.endswith("more open") for line in lines)


def test_without_a_height_everything_is_there() -> None:
    lines = drawn(full(40, 40), width=120, height=None, foot="")
    assert sum(LONG in line for line in lines) == 40
    assert sum(line.startswith("gpu-") for line in lines) == 40


def test_what_a_terminal_would_obey_is_not_passed_on() -> None:
    board = full(0, 0)
    board.take_nodes([node("n\x1b[31m")])
    board.take("observation", an_observation(text="a\x1b]0;title\x07b\nc"))
    board.trouble = "x\x1b[2J"
    assert not any("\x1b" in line or "\x07" in line for line in drawn(board))


def test_no_nodes_yet() -> None:
    assert any("penstock node" in line for line in drawn(Board(trouble="connecting")))
