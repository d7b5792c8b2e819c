"""Runs a part as a process of its own: logs, event loop, and a clean stop on Ctrl-C and SIGTERM."""

import asyncio
import faulthandler
import inspect
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import typer

from infra import logs
from schemas.settings import Settings

# A part has its own loop and signals, or is a coroutine that is cancelled to stop it.
Serve = Callable[[Settings], int | None] | Callable[[Settings], Awaitable[Any]]


def run(serve: Serve, settings: Settings, *, name: str) -> None:
    """Run ``serve(settings)`` until it ends or the process is told to stop, then let it finish cleanly.

    A coroutine is cancelled to stop it; what it leaves to its ``finally`` blocks is awaited.

    Raises:
        PenstockError: as ``serve`` does.
        typer.Exit: ``serve`` returned an exit status other than 0.
    """
    logs.configure(settings.log, process=name)
    if sys.__stderr__ is not None:
        # What a library in C does wrong is then in the log, with the line that called it.
        faulthandler.enable(sys.__stderr__)
    ending = serve(settings)
    if inspect.isawaitable(ending):
        _run_on_a_loop(ending)
    elif ending:
        raise typer.Exit(ending)


def _run_on_a_loop(part: Awaitable[Any]) -> None:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_told(part))


async def _until_told(part: Awaitable[Any]) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(part)
    told = asyncio.Event()

    def stop() -> None:
        told.set()
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not told.is_set():
            raise
