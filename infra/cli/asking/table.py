"""Rows as people read them: aligned by type, sizes in units, and record by record where they are too wide."""

import json
import re
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from infra.cli.asking.client import Rows

_NUMBER = re.compile(r"U?Int\d|B?Float|Decimal")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_PIPE_WIDTH = 240
_MOST_CELL = 200


def is_number(type_: str) -> bool:
    """Tell whether a type of the engine is a number, nullable or not."""
    inner = type_.removeprefix("LowCardinality(").removeprefix("Nullable(")
    return _NUMBER.match(inner) is not None


def cell(value: Any, column: str, type_: str) -> str:  # noqa: ANN401 - whatever JSON can hold
    """Return a value as text: floats with 6 digits, bytes with a unit, texts within one line."""
    if value is None:
        return ""
    if column.endswith("_bytes") and is_number(type_):
        return size(float(value))
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e15 else f"{value:.3e}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = "".join(c if c.isprintable() else {"\n": "\\n", "\t": "\\t"}.get(c, "�") for c in text)
    return text if len(text) <= _MOST_CELL else text[: _MOST_CELL - 1] + "…"


def size(value: float) -> str:
    """Return bytes in the largest unit that leaves at least one."""
    unit = 0
    while abs(value) >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def show(console: Console, rows: Rows, *, vertical: bool = False) -> None:
    """Print rows, and how many there are."""
    if not console.is_terminal:
        console.width = _PIPE_WIDTH  # a pipe has no width; rich would fold at 80
    cells = [[cell(*each) for each in zip(row, rows.columns, rows.types, strict=True)] for row in rows.rows]
    if rows.columns:
        wide = vertical or _width(rows, cells) > console.width
        console.print(_records(rows, cells) if wide and cells else _table(rows, cells))
    console.print(Text(counted(rows), style="dim"))


def counted(rows: Rows) -> str:
    """Return how many rows there are, and whether there are more."""
    number = len(rows.rows)
    text = f"{number:,} row" + ("" if number == 1 else "s")
    return f"{text}; there are more: --max-rows or the setting api.sql_max_rows" if rows.truncated else text


def _width(rows: Rows, cells: list[list[str]]) -> int:
    lines = [list(rows.columns), *cells]
    return sum(max(len(line[at]) for line in lines) + 2 for at in range(len(rows.columns)))


def _table(rows: Rows, cells: list[list[str]]) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column, type_ in zip(rows.columns, rows.types, strict=True):
        table.add_column(Text(column), justify="right" if is_number(type_) else "left", overflow="fold")
    for line in cells:
        table.add_row(*(Text(text) for text in line))
    return table


def _records(rows: Rows, cells: list[list[str]]) -> RenderableType:
    made: list[RenderableType] = []
    for number, line in enumerate(cells, 1):
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(overflow="fold")
        for column, text in zip(rows.columns, line, strict=True):
            grid.add_row(Text(column), Text(text))
        made += [Text(f"── {number} ──", style="dim"), grid]
    return Group(*made)
