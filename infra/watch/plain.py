"""The board as lines, for files and pipes: one for each thing that changes."""

from collections.abc import Callable, Iterator
from datetime import datetime

from infra.cli.asking.finding_table import clean, what, where
from infra.watch.board import Board, Kind, Thing

_KINDS: tuple[Kind, ...] = ("alert", "observation")


class Lines:
    """Writes what is different from the last time."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._trouble = ""
        self._nodes: dict[str, str] = {}
        self._open: dict[Kind, dict[str, Thing]] = {"observation": {}, "alert": {}}

    def show(self, board: Board, now: datetime) -> None:
        """Write the lines of what has changed."""
        for line in self._changes(board):
            self._write(f"{now.astimezone():%H:%M:%S} {line}")

    def _changes(self, board: Board) -> Iterator[str]:
        if board.trouble != self._trouble:
            self._trouble = board.trouble
            yield clean(board.trouble) if board.trouble else "connected"
        for node in board.nodes:
            text = _node(node)
            if self._nodes.get(node["node_id"]) != text:
                self._nodes[node["node_id"]] = text
                yield text
        for kind in _KINDS:
            yield from self._findings(kind, {one["id"]: one for one in board.findings(kind)}, board)

    def _findings(self, kind: Kind, found: dict[str, Thing], board: Board) -> Iterator[str]:
        before, self._open[kind] = self._open[kind], found
        for key, one in found.items():
            if key not in before:
                yield f"open: {_finding(kind, one)}"
            elif _matters(one) != _matters(before[key]):
                yield f"{clean(one['state'])}: {_finding(kind, one)}"
        for key, one in before.items():
            if key not in found:
                yield f"{'dismissed' if key in board.dismissed(kind) else 'over'}: {_finding(kind, one)}"


def _node(node: Thing) -> str:
    name = clean(node["node_id"])
    if not node["up"]:
        return f"{name}: down"
    hint = node.get("routing_hint")
    advice = f", {clean(hint)}" if hint and hint != "clear" else ""
    return f"{name}: {clean(node['inference_state'])}{advice}"


def _finding(kind: Kind, one: Thing) -> str:
    return f"{clean(one['severity'])} {kind} {clean(where(one))} {clean(what(one))}: {clean(one['text'])}"


def _matters(one: Thing) -> tuple[object, ...]:
    return one["state"], one["severity"]
