"""A line over time for a terminal, in braille: two by four dots a character.

The threshold is a line of dashes where no dots are; what is beyond it is drawn in another style.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from rich.text import Text

from infra.plot.tracks import Mark, Track, Value

# Dots of a braille character by column and row, as Unicode numbers them.
_DOTS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BLANK: Final = 0x2800
_LABEL: Final = 10
# Judgements are ten seconds apart; what is further apart is not joined.
_JOINED_US: Final = 45_000_000
BEYOND, WITHIN, LIMIT, MARK, DIM = "bold red", "cyan", "yellow", "magenta", "dim"


@dataclass(slots=True)
class _Canvas:
    """Dots and signs. ``width`` and ``height`` are in characters."""

    width: int
    height: int
    dots: dict[tuple[int, int], int] = field(default_factory=dict)
    beyond: set[tuple[int, int]] = field(default_factory=set)
    signs: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)

    def dot(self, x: int, y: int, *, beyond: bool) -> None:
        """Set a dot; y counts upwards, in dots."""
        row = self.height - 1 - y // 4
        cell = x // 2, row
        self.dots[cell] = self.dots.get(cell, 0) | _DOTS[x % 2][3 - y % 4]
        if beyond:
            self.beyond.add(cell)

    def row(self, row: int) -> Text:
        """Return one line of characters."""
        text = Text()
        for column in range(self.width):
            cell = column, row
            if cell in self.dots:
                text.append(chr(_BLANK + self.dots[cell]), BEYOND if cell in self.beyond else WITHIN)
            else:
                text.append(*self.signs.get(cell, (" ", "")))
        return text


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where times and values are, in dots."""

    since: int
    until: int
    low: float
    high: float
    width: int
    height: int

    def x(self, at: int) -> int:
        share = (at - self.since) / max(1, self.until - self.since)
        return min(self.width - 1, max(0, round(share * (self.width - 1))))

    def y(self, value: float) -> int:
        share = (value - self.low) / (self.high - self.low)
        return min(self.height - 1, max(0, round(share * (self.height - 1))))


def chart(track: Track, marks: Sequence[Mark], since: int, until: int, size: tuple[int, int]) -> list[Text]:
    """Return the lines of a chart. ``size``: characters across, labels included, and rows of the plot."""
    columns, rows = max(20, size[0] - _LABEL - 1), max(3, size[1])
    low, high = _range(track.values)
    scale = _Scale(since, until, low, high, columns * 2, rows * 4)
    canvas = _Canvas(columns, rows)
    for mark in marks:
        for row in range(rows):
            canvas.signs[scale.x(mark.at) // 2, row] = ("│", MARK)
    limit_rows = _draw_limit(canvas, scale, track.values)
    for dot in _line(scale, track):
        canvas.dot(dot[0], dot[1], beyond=dot[2])
    labels = {0: high, rows - 1: low} | limit_rows
    return [
        Text.assemble(
            (
                f"{_short(labels[row]) if row in labels else '':>{_LABEL}} ",
                LIMIT if row in limit_rows else DIM,
            )
        )
        + canvas.row(row)
        for row in range(rows)
    ]


def strip(name: str, cells: Sequence[tuple[int, str, str]], since: int, until: int, width: int) -> Text:
    """Return a line that says what was so when: ``cells`` are (time, character, style); later ones win."""
    columns = max(20, width - _LABEL - 1)
    scale = _Scale(since, until, 0.0, 1.0, columns, 1)
    signs: list[tuple[str, str]] = [(" ", "")] * columns
    ordered = sorted(cells)
    for place, (at, sign, style) in enumerate(ordered):
        after = ordered[place + 1][0] if place + 1 < len(ordered) else until + 1
        last = scale.x(min(after, at + _JOINED_US))
        for column in range(scale.x(at), max(scale.x(at) + 1, last)):
            signs[column] = (sign, style)
    return Text.assemble((f"{name:>{_LABEL}} ", DIM), *signs)


def axis(marks: Sequence[Mark], since: int, until: int, width: int) -> list[Text]:
    """Return the lines below a chart: what the marks are, and the times of both ends."""
    columns = max(20, width - _LABEL - 1)
    scale = _Scale(since, until, 0.0, 1.0, columns, 1)
    rows: list[list[str]] = []
    for mark in marks:
        _place(rows, scale.x(mark.at), f"{mark.name} {_clock(mark.at)}", columns)
    first, last = _clock(since), _clock(until)
    ends = first + " " * max(1, columns - len(first) - len(last)) + last
    pad = " " * (_LABEL + 1)
    return [*(Text(pad + "".join(row), style=MARK) for row in rows), Text(pad + ends, style=DIM)]


def _place(rows: list[list[str]], at: int, text: str, columns: int) -> None:
    """Put a label into the first row that has room for it."""
    start = max(0, min(at, columns - len(text)))
    for row in rows:
        if all(char == " " for char in row[max(0, start - 1) : start + len(text) + 1]):
            row[start : start + len(text)] = text
            return
    rows.append([" "] * columns)
    rows[-1][start : start + len(text)] = text


def _draw_limit(canvas: _Canvas, scale: _Scale, values: Sequence[Value]) -> dict[int, float]:
    """Draw the threshold, which may move; return the rows it begins and ends in, and its value there."""
    known = [one for one in values if one.threshold == one.threshold]
    labels: dict[int, float] = {}
    for place, one in enumerate(known):
        after = known[place + 1].at if place + 1 < len(known) else scale.until
        row = canvas.height - 1 - scale.y(one.threshold) // 4
        for column in range(scale.x(one.at) // 2, scale.x(after) // 2 + 1):
            canvas.signs[column, row] = ("╌", LIMIT)
        labels[row] = one.threshold
    return labels if len(labels) <= 2 else {}


def _line(scale: _Scale, track: Track) -> Iterator[tuple[int, int, bool]]:
    before: Value | None = None
    for one in track.values:
        if one.value != one.value:
            before = None
            continue
        x, y, beyond = scale.x(one.at), scale.y(one.value), _is_beyond(track, one)
        if before is None or one.at - before.at > _JOINED_US:
            yield x, y, beyond
        else:
            yield from (
                (*dot, beyond) for dot in _joined((scale.x(before.at), scale.y(before.value)), (x, y))
            )
        before = one


def _joined(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    for step in range(1, steps + 1):
        share = step / steps
        yield round(start[0] + (end[0] - start[0]) * share), round(start[1] + (end[1] - start[1]) * share)


def _is_beyond(track: Track, one: Value) -> bool:
    if one.threshold != one.threshold:
        return False
    return one.value <= one.threshold if track.comparison.startswith("<") else one.value >= one.threshold


def _range(values: Sequence[Value]) -> tuple[float, float]:
    known = [number for one in values for number in (one.value, one.threshold) if math.isfinite(number)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    return (low, high) if high > low else (low - 1.0, high + 1.0)


def _short(value: float) -> str:
    """Return a number in at most nine characters."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.4g}"


def _clock(at: int) -> str:
    return datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%H:%M:%S")
