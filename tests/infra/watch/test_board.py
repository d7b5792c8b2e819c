"""What the board knows, and what it says in lines."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from infra.watch.board import Board
from infra.watch.events import Event, events
from infra.watch.plain import Lines
from tests.api.findings import SECOND
from tests.infra.watch.things import NOW, an_alert, an_observation, node


def test_what_is_over_or_dismissed_is_not_open() -> None:
    board = Board()
    one = an_observation("one")
    board.take("observation", one)
    board.take("observation", an_observation("two", severity="critical"))
    assert [found["severity"] for found in board.findings("observation")] == ["critical", "warning"]
    board.take("observation", {**one, "state": "dismissed"})
    assert (len(board.findings("observation")), len(board.dismissed("observation"))) == (1, 1)
    board.take("observation", one)
    assert (len(board.findings("observation")), len(board.dismissed("observation"))) == (2, 0)
    board.take("observation", {**one, "state": "resolved"})
    assert len(board.findings("observation")) == 1


def test_of_equal_severity_the_newest_is_first() -> None:
    board = Board()
    for name, onset in (("old", NOW - 60 * SECOND), ("new", NOW)):
        board.take("alert", an_alert(name, onset_at=onset))
    assert [one["id"] for one in board.findings("alert")] == [an_alert("new")["id"], an_alert("old")["id"]]


def test_a_reset_forgets_its_topic_alone() -> None:
    board = Board()
    board.take("observation", an_observation())
    board.take("alert", an_alert())
    board.take("alert", an_alert("hidden", dismissed_until=NOW + 1))
    board.forget("observations")
    assert (board.findings("observation"), len(board.findings("alert"))) == ([], 1)
    assert len(board.dismissed("alert")) == 1
    board.forget("something new")


def test_nodes_with_problems_come_first() -> None:
    board = Board()
    warned = node("c", observations=[{"severity": "warning"}])
    board.take_nodes([node("a"), node("d", up=False), warned, node("b")])
    assert [one["node_id"] for one in board.worst_first()] == ["d", "c", "a", "b"]
    board.take_nodes(board.nodes, "c")
    assert [one["node_id"] for one in board.nodes] == ["c"]


def test_lines_tell_each_change_once() -> None:
    written: list[str] = []
    lines, board = Lines(lambda line: written.append(line.partition(" ")[2])), Board()

    def show() -> list[str]:
        written.clear()
        lines.show(board, datetime.now(UTC))
        return list(written)

    assert show() == ["connecting"]
    board.trouble = ""
    board.take_nodes([node()])
    board.take("observation", an_observation())
    told = "warning observation n1 thermal_drain: GPU-1 is hot"
    assert show() == ["connected", "n1: live", f"open: {told}"]
    assert show() == []
    board.take("observation", {**an_observation(), "state": "acknowledged"})
    board.take_nodes([node(routing_hint="steer_away")])
    assert show() == ["n1: live, steer_away", f"acknowledged: {told}"]
    board.take("observation", {**an_observation(), "state": "dismissed"})
    board.take_nodes([node(up=False)])
    assert show() == ["n1: down", f"dismissed: {told}"]
    board.take("alert", an_alert(text="bad\x1b[2J"))
    assert show() == ["open: critical alert n1 node_offline: bad�[2J"]


async def _lines(text: str) -> AsyncIterator[str]:
    for line in text.split("\n"):
        yield line


@pytest.mark.asyncio
async def test_events_from_lines() -> None:
    text = 'retry: 2000\n\nid: a0:1\nevent: alert\ndata: {"a":\ndata: 1}\n\n: beat\n\nid: a0:2\n\ndata: half'
    assert [event async for event in events(_lines(text))] == [
        Event(),
        Event("alert", "a0:1", '{"a":\n1}'),
        Event(),
        Event(id="a0:2"),
    ]
