"""How far a simulation or a replay is: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

EVERY_S = 10.0


class Bar(Protocol):
    """Where people look; used as a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, seconds: float, events: int) -> None:
        """Show how many seconds of event time, and how many events, are done."""


def bar(console: Console, total_s: float, starts_at: int) -> Bar:
    """Return a bar for so many seconds of event time that begin at ``starts_at``, µs since the epoch."""
    pace = Pace(total_s, starts_at)
    return TerminalBar(console, pace) if console.is_terminal else PlainBar(console.print, pace)


class Pace:
    """What can be said of how it goes: event time, share, rate, and how long it still takes."""

    def __init__(self, total_s: float, starts_at: int, now: Callable[[], float] = time.monotonic) -> None:
        self.total_s = total_s
        self._starts_at = starts_at
        self.now = now
        self._began_s = now()

    def words(self, seconds: float, events: int) -> str:
        """Return it as a line."""
        passed_s = max(self.now() - self._began_s, 1e-3)
        rate = seconds / passed_s
        left = "" if rate <= 0 else f"  {_duration((self.total_s - seconds) / rate)} left"
        moment = datetime.fromtimestamp(self._starts_at / 1e6 + seconds, UTC)
        return f"{moment:%Y-%m-%d %H:%M:%S}  {rate:,.0f}x  {events:,} events{left}"


class TerminalBar:
    """A bar that is drawn again and again, and gone at the end."""

    def __init__(self, console: Console, pace: Pace) -> None:
        self._pace = pace
        self._progress = Progress(
            BarColumn(30), TaskProgressColumn(), TextColumn("{task.fields[words]}"), console=console,
            transient=True,
        )  # fmt: skip
        self._task = self._progress.add_task("", total=pace.total_s, words="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, seconds: float, events: int) -> None:
        """Move the bar; it is drawn ten times a second at most."""
        self._progress.update(self._task, completed=seconds, words=self._pace.words(seconds, events))


class PlainBar:
    """For files and pipes: a line every ``EVERY_S`` seconds."""

    def __init__(self, write: Callable[[str], None], pace: Pace) -> None:
        self._write = write
        self._pace = pace
        self._due_s = pace.now() + EVERY_S

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def show(self, seconds: float, events: int) -> None:
        """Print a line if it is time for one."""
        if self._pace.now() >= self._due_s:
            self._due_s = self._pace.now() + EVERY_S
            self._write(f"{seconds / self._pace.total_s:4.0%}  {self._pace.words(seconds, events)}")


def _duration(seconds: float) -> str:
    whole = max(0, round(seconds))
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
