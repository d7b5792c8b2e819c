"""What was so at a moment, on a screen."""

import io
from typing import Any

from rich.console import Console

from api.query.as_of import EXAMPLE as ANSWER
from infra.cli.asking.as_of_table import show


def printed(**changes: Any) -> str:
    console = Console(file=io.StringIO(), width=160, highlight=False)
    show(console, {**ANSWER, **changes})
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_nodes_and_what_stood() -> None:
    text = printed()
    assert text.startswith("2026-06-01 03:12:00, as known then\n")
    assert "gpu-01 live serious reduce_batch 412.5 655.1 0.41" in " ".join(text.split())
    assert "thermal_drain: GPU-1 has been at 88 °C for 5 min" in text
    assert "no alerts stood" in text
    assert "told only" not in text


def test_what_was_told_later_says_so() -> None:
    late = {**ANSWER["observations"][0], "told": False, "told_at": "2026-06-01T03:20:00.000000Z"}
    text = printed(observations=[late], known_at="2026-06-02T00:00:00.000000Z")
    assert "as known at 2026-06-02 00:00:00" in text
    assert "(told only at 2026-06-01 03:20:00)" in text


def test_a_silent_node_and_one_that_stopped() -> None:
    node = ANSWER["nodes"][0]
    silent = {**node, "silent_s": 4000.0, "power_w": None, "node_id": "b\x1b[31m"}
    stopped = {**node, "stopped_at": "2026-06-01T03:11:30.000000Z"}
    text = printed(nodes=[silent, stopped])
    assert "67m before" in text
    assert "stopped at 2026-06-01 03:11:30" in text
    assert "\x1b" not in text


def test_where_nothing_is_stored_it_says_since_when_there_is() -> None:
    text = printed(nodes=[], stored_since="2026-06-10T00:00:00.000000Z")
    assert "no states of that time; the oldest are of 2026-06-10 00:00:00" in text
    assert "no states\n" in printed(nodes=[], stored_since=None)
