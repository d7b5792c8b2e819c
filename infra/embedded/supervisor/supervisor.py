"""Starts parts in order, keeps them running, stops them in reverse order, and leaves none behind."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from infra.embedded import folder
from infra.embedded.ports import require_free
from infra.embedded.supervisor.child import OnLine
from infra.embedded.supervisor.guardian import guarded
from infra.embedded.supervisor.keeper import Keeper, OnEvent, Surroundings
from infra.embedded.supervisor.output import Printer
from infra.embedded.supervisor.part import Event, Part, ordered


async def run(
    parts: Sequence[Part],
    *,
    data_dir: Path,
    stop: asyncio.Event,
    force: asyncio.Event | None = None,
    on_event: OnEvent | None = None,
    on_line: OnLine | None = None,
) -> int:
    """Run the parts until ``stop`` is set; then stop them in reverse order and return 0.

    ``force`` kills what has not stopped yet. ``on_event`` hears of each change, ``on_line`` of each line of
    output (by default printed with the part's name before it). Run it in the main thread: on Linux the parts
    end with the thread that started them.

    Raises:
        ConfigError: before anything starts, where a port is in use, another instance has ``data_dir``, or
            it cannot be written; later, where a part says that its settings are wrong and all have stopped.
        UnavailableError: a part does not come up, and all have stopped.
    """
    order = ordered(parts)
    folder.prepare(data_dir)
    with folder.held(data_dir):
        require_free(*(port for part in order for port in part.ports))
        with guarded() as guardian:
            hear, show = on_event or _ignore, on_line or Printer([part.name for part in order])
            around = Surroundings(hear, show, guardian, force or asyncio.Event())
            await _keep_all({part.name: Keeper(part, around) for part in order}, stop)
    return 0


def _ignore(_event: Event) -> None:
    """Hear of a change and do nothing."""


async def _keep_all(keepers: Mapping[str, Keeper], stop: asyncio.Event) -> None:
    """Keep the parts until told to stop, or until one cannot be kept."""
    told = asyncio.create_task(stop.wait())
    keeping = [asyncio.create_task(keeper.keep(keepers)) for keeper in keepers.values()]
    try:
        running: set[asyncio.Task[Any]] = {told, *keeping}
        while not told.done():
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in (told, *keeping):
            task.cancel()
        await asyncio.gather(told, *keeping, return_exceptions=True)
        await _stop_all(keepers)


async def _stop_all(keepers: Mapping[str, Keeper]) -> None:
    """Stop each part after those that come after it; others at the same time."""
    stopping = asyncio.gather(
        *(
            keeper.stop(tuple(other for other in keepers.values() if name in other.part.after))
            for name, keeper in keepers.items()
        )
    )
    # Whoever cancels us must not leave processes behind.
    while not stopping.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(stopping)
    stopping.result()
