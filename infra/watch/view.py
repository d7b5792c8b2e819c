"""One screen of the board: a head, the nodes, what is open. Drawn anew each time, for any width from 80."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from infra.cli.asking.durations import short, since
from infra.cli.asking.finding_table import STYLES, clean, what, where
from infra.watch.board import Board, Thing

NONE = "–"
_HINTS: Mapping[str, str] = {"steer_away": "bold red", "reduce_batch": "yellow", "monitor": "cyan"}
_LINES_OF_HEAD = 3
_LEAST = 3
"""Lines that the nodes and the findings get at least, where both are there."""


def screen(
    board: Board, now: datetime, *, title: str, height: int | None = None, foot: str = ""
) -> RenderableType:
    """Return the whole screen; with a height, the most important of it that fits."""
    found = [("alert", one) for one in board.findings("alert")]
    found += [("", one) for one in board.findings("observation")]
    for_nodes, for_found = _shares(len(board.nodes), len(found), height, foot=bool(foot))
    # Whole texts where there is room for them: most take two lines of 80 columns, few three.
    whole = height is None or len(board.nodes) + 3 * len(found) <= _room(height, foot=bool(foot))
    parts: list[RenderableType] = [_head(board, now, title), _counts(board), Text()]
    parts += [_nodes(board, for_nodes), Text()]
    parts += (
        [_found(found, now, for_found, whole=whole)] if found else [Text("nothing is open", style="green")]
    )
    return Group(*parts, *([Text(foot, style="dim")] if foot else []))


def _shares(nodes: int, found: int, height: int | None, *, foot: bool) -> tuple[int, int]:
    """Return how many lines of nodes and of findings fit."""
    if height is None:
        return nodes, found
    room = _room(height, foot=foot)
    for_found = min(found, max(_LEAST, room - nodes, room // 3))
    return max(_LEAST, room - for_found), for_found


def _room(height: int, *, foot: bool) -> int:
    # Two headings, an empty line between the two, a line for what is left out of each, the foot.
    return max(2 * _LEAST, height - _LINES_OF_HEAD - 5 - foot)


def _head(board: Board, now: datetime, title: str) -> RenderableType:
    left = Text("penstock ", style="bold").append(clean(title), style="dim")
    if board.trouble:
        right = Text(clean(board.trouble), style="bold red")
    else:
        right = Text(f"live  {now.astimezone():%H:%M:%S}", style="green")
    left.no_wrap = right.no_wrap = True
    left.overflow = right.overflow = "ellipsis"
    grid = Table.grid(expand=True, padding=(0, 2))
    grid.add_column(ratio=1)
    grid.add_column(justify="right", max_width=50)
    grid.add_row(left, right)
    return grid


def _counts(board: Board) -> Text:
    up = sum(node["up"] for node in board.nodes)
    down = len(board.nodes) - up
    parts = [f"{_counted(len(board.nodes), 'node')}: {up} up" + (f", {down} down" if down else "")]
    parts.append(_severities(board.findings("alert"), "alert"))
    parts.append(_severities(board.findings("observation"), "observation"))
    if dismissed := len(board.dismissed("observation") | board.dismissed("alert")):
        parts.append(f"{dismissed} dismissed")
    return Text("  ".join(parts), no_wrap=True, overflow="ellipsis")


def _severities(found: Sequence[Thing], name: str) -> str:
    of = [(severity, sum(one["severity"] == severity for one in found)) for severity in STYLES]
    told = ", ".join(f"{count} {severity}" for severity, count in of if count)
    return f"{name}s: {told}" if told else f"no {name}s"


def _counted(count: int, name: str) -> str:
    return f"{count} {name}" + ("" if count == 1 else "s")


def _nodes(board: Board, most: int) -> RenderableType:
    table = _table()
    table.add_column("node", ratio=1, no_wrap=True, overflow="ellipsis", min_width=10)
    for heading in ("state", "routing"):
        table.add_column(heading, no_wrap=True)
    for heading in ("tok/s", "WES", "watts", "°C", "RAM", "VRAM"):
        table.add_column(heading, justify="right", no_wrap=True)
    if not board.nodes:
        return Text("no nodes yet: `penstock node` runs the agent of a machine", style="dim")
    shown = board.worst_first()[:most] if len(board.nodes) > most else board.nodes
    for node in shown:
        table.add_row(*_node(node), style="" if node["up"] else "red")
    return _with_rest(table, len(board.nodes) - len(shown), "nodes")


def _node(node: Thing) -> Iterable[Text]:
    severities = {one["severity"] for one in node.get("observations", ())}
    style = next((STYLES[severity] for severity in STYLES if severity in severities), "")
    yield Text(clean(node["node_id"]), style=style)
    if not node["up"]:
        silent = node.get("silent_s")
        yield Text("down" if silent is None else f"down {short(silent)}")
        yield from [Text(NONE)] * 7
        return
    hot = node["thermal_state"] in ("serious", "critical")
    yield Text(clean(node["inference_state"]) + (" hot" if hot else ""), style="yellow" if hot else "")
    hint = clean(node.get("routing_hint") or NONE)
    yield Text(hint, style=_HINTS.get(hint, "dim"))
    yield _number(node["tokens_per_second"])
    yield Text(NONE if node["wes"] is None else f"{node['wes']:.3g}")
    yield _number(node["power_w"])
    yield _number(node.get("temperature_c"))
    for name in ("memory_used_ratio", "vram_used_ratio"):
        ratio = node.get(name)
        yield Text(NONE if ratio is None else f"{ratio:.0%}", style="red" if (ratio or 0) >= 0.97 else "")


def _found(found: Sequence[tuple[str, Thing]], now: datetime, most: int, *, whole: bool) -> RenderableType:
    table = _table()
    table.add_column("for", justify="right", no_wrap=True)
    table.add_column("severity", no_wrap=True)
    table.add_column("where", no_wrap=True, overflow="ellipsis", max_width=16)
    table.add_column("what is open", ratio=1, no_wrap=not whole, overflow="fold" if whole else "ellipsis")
    for name, one in found[:most]:
        severity = clean(one["severity"])
        seen = f" (seen by {clean(one['acknowledged_by'])})" if one["state"] == "acknowledged" else ""
        kind = f"{name} " if name else ""
        table.add_row(
            since(one["onset_at"], now),
            Text(severity, style=STYLES.get(severity, "")),
            clean(where(one)),
            Text(f"{kind}{clean(what(one))}{seen}: {clean(one['text'])}", style="dim" if seen else ""),
        )
    return _with_rest(table, len(found) - most, "open")


def _table() -> Table:
    return Table(box=None, expand=True, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")


def _with_rest(table: Table, hidden: int, name: str) -> RenderableType:
    return Group(table, Text(f"and {hidden} more {name}", style="dim")) if hidden > 0 else table


def _number(value: Any) -> Text:  # noqa: ANN401 - what JSON can hold
    if value is None:
        return Text(NONE)
    return Text(f"{value:.0f}" if value >= 100 else f"{value:.1f}")
