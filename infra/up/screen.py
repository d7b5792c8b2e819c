"""What ``penstock up`` shows: lines that stay, and on a terminal a part below them that is drawn again."""

import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field
from typing import Literal, Protocol

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from infra.up.fleet_lines import HEADINGS, Line

Step = Literal["waiting", "starting", "ready", "restarting", "stopped"]
STYLES: dict[Step, str] = {
    "waiting": "dim",
    "starting": "cyan",
    "ready": "green",
    "restarting": "yellow",
    "stopped": "red",
}
# Room for the lines above, so that the table of nodes never pushes them off a terminal.
LINES_ABOVE = 4


@dataclass(slots=True)
class PartRow:
    """How far one part is, and when it began; seconds of a monotonic clock."""

    step: Step = "waiting"
    detail: str = ""
    began_at: float = field(default_factory=time.monotonic)


class Screen(Protocol):
    """Where people look."""

    def part(self, name: str, step: Step, detail: str = "") -> None:
        """Say how far a part is."""

    def say(self, text: str, *, style: str = "") -> None:
        """Print a line that stays."""

    def nodes(self, lines: Sequence[Line]) -> None:
        """Show what each node does now."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class PlainScreen:
    """For files and pipes: one line for each thing that happens."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._shown: dict[str, str] = {}

    def part(self, name: str, step: Step, detail: str = "") -> None:
        """Print how far a part is."""
        self._write(f"{name}: {step}{', ' + detail if detail else ''}")

    def say(self, text: str, *, style: str = "") -> None:
        """Print a line."""
        self._write(text)

    def nodes(self, lines: Sequence[Line]) -> None:
        """Print the nodes that do something else than when they were last printed."""
        for line in lines:
            if self._shown.get(line.node) != line.state:
                self._shown[line.node] = line.state
                self._write(str(line))

    def close(self) -> None:
        """Do nothing: every line is out."""


class TerminalScreen:
    """For people: what stays scrolls up, parts and nodes are drawn in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._parts: dict[str, PartRow] = {}
        self._lines: Sequence[Line] = ()
        self._live = Live(
            get_renderable=self._draw,
            console=console,
            refresh_per_second=4,
            transient=True,
            auto_refresh=True,
        )
        self._live.start()

    def part(self, name: str, step: Step, detail: str = "") -> None:
        """Draw how far a part is; once it is ready, its line stays."""
        row = self._parts.setdefault(name, PartRow())
        row.step, row.detail = step, " ".join(detail.split())
        if step == "ready":
            self._console.print(_part_line(name, self._parts.pop(name)))

    def say(self, text: str, *, style: str = "") -> None:
        """Print a line above what is drawn."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    def nodes(self, lines: Sequence[Line]) -> None:
        """Draw the nodes."""
        self._lines = lines

    def close(self) -> None:
        """Stop drawing; the last lines of the nodes stay."""
        self._live.stop()
        if self._lines:
            self._console.print(self._table())

    def _draw(self) -> RenderableType:
        waiting = [self._waiting(name, row) for name, row in self._parts.items()]
        return Group(*waiting, self._table() if self._lines else Text())

    def _waiting(self, name: str, row: PartRow) -> RenderableType:
        if row.step in ("starting", "restarting"):
            return Spinner("dots", _part_line(name, row), style=STYLES[row.step])
        return _part_line(name, row)

    def _table(self) -> RenderableType:
        most = max(3, self._console.height - LINES_ABOVE)
        table = Table(*HEADINGS, box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for line in self._lines[:most]:
            table.add_row(*map(Text, astuple(line)), style="red" if line.state == "down" else "")
        hidden = len(self._lines) - most
        return Group(table, Text(f"and {hidden} more", style="dim")) if hidden > 0 else table


def _part_line(name: str, row: PartRow) -> Text:
    seconds = f"{time.monotonic() - row.began_at:5.1f} s  "
    line = Text(f"{name:<10}")
    line.append(f"{row.step:<11}", style=STYLES[row.step])
    line.append(seconds, style="dim").append(row.detail, style="dim")
    line.no_wrap, line.overflow = True, "ellipsis"
    return line
