"""Draws the board until someone leaves."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress

from rich.console import Console
from rich.live import Live

from infra.cli.asking.durations import now
from infra.watch.keys import on_leave
from infra.watch.plain import Lines
from infra.watch.reader import Place, Reader
from infra.watch.view import screen
from schemas.settings import ApiSettings

DRAW_EVERY_S = 0.5
PIPE_WIDTH = 120
FOOT = "q leaves"


async def once(settings: ApiSettings, place: Place, console: Console) -> None:
    """Print one screen, whole; raises as ``Reader.once`` does."""
    reader = Reader(settings, place)
    try:
        board = await reader.once()
    finally:
        await reader.close()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(screen(board, now(), title=_title(place)))


async def watch(settings: ApiSettings, place: Place, console: Console) -> None:
    """Show the board until q, Ctrl-C or SIGTERM.

    Raises:
        ConfigError: the API wants a key.
    """
    left = asyncio.Event()
    reader = Reader(settings, place)
    reading = asyncio.create_task(reader.run())
    reading.add_done_callback(lambda _: left.set())
    _on_signals(left.set)
    try:
        draw = _on_terminal if console.is_terminal else _as_lines
        await draw(reader, place, console, left)
        if reading.done():
            _raise_first(reading)
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError, ExceptionGroup):
            await reading
        await reader.close()


async def _on_terminal(reader: Reader, place: Place, console: Console, left: asyncio.Event) -> None:
    with Live(console=console, screen=True, auto_refresh=False) as live, on_leave(left.set):
        while not left.is_set():
            # Asked each time: a terminal changes its size.
            height = console.size.height
            drawn = screen(reader.board, now(), title=_title(place), height=height, foot=FOOT)
            live.update(drawn, refresh=True)
            # Ages and the clock move without events; a storm of events is drawn a few times a second.
            await _wait(left, DRAW_EVERY_S)


async def _as_lines(reader: Reader, _place: Place, console: Console, left: asyncio.Event) -> None:
    lines = Lines(lambda line: console.print(line, soft_wrap=True, markup=False, highlight=False))
    while not left.is_set():
        lines.show(reader.board, now())
        await _wait(left, DRAW_EVERY_S)


async def _wait(left: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(left.wait(), seconds)


def _on_signals(leave: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # not on this system: Ctrl-C ends it the hard way
            loop.add_signal_handler(number, leave)


def _raise_first(reading: "asyncio.Task[None]") -> None:
    failure = None if reading.cancelled() else reading.exception()
    while isinstance(failure, ExceptionGroup):
        failure = failure.exceptions[0]
    if failure is not None:
        raise failure


def _title(place: Place) -> str:
    parts = [place.url.removeprefix("http://")]
    parts += [f"fleet {place.fleet}"] if place.fleet else []
    parts += [f"node {place.node_id}"] if place.node_id else []
    return "  ".join(parts)
