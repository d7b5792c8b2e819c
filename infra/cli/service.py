"""Runs a part as a process of its own: logs, event loop, and a clean stop on Ctrl-C and SIGTERM."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from infra import logs
from schemas.settings import Settings

Serve = Callable[[Settings], Awaitable[Any]]


def run(serve: Serve, settings: Settings, *, name: str) -> None:
    """Run ``serve(settings)`` until it ends or the process is told to stop, then let it finish cleanly.

    ``serve`` is cancelled to stop it; what it leaves in its ``finally`` blocks is awaited.

    Raises:
        PenstockError: as ``serve`` does.
    """
    import uvloop

    logs.configure(settings.log, process=name)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_told(serve, settings))


async def _until_told(serve: Serve, settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(serve(settings))
    stopping = False

    def stop() -> None:
        nonlocal stopping
        stopping = True
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not stopping:
            raise
