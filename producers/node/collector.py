"""Runs one source on its own schedule, so that a slow or hung one delays nothing but itself."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable

from producers.node.progress import Progress, View
from producers.node.source import Blocking, SensorAbsent, SensorForbidden, Source, Waiting
from producers.schedule import Grid
from schemas.events.node_sample import CollectorReport

# What is not there is looked for this often; a driver may be loaded, a runtime installed.
ABSENT_PERIOD_S = 10.0

logger = logging.getLogger(__name__)
Clock = Callable[[], float]


class ThreadCollector:
    """A blocking source in a daemon thread. A call that hangs is shown as a timeout, and not made again."""

    def __init__(self, source: Blocking, clock: Clock = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._stopping = threading.Event()
        self.progress = Progress(source.name, source.period_s, source.timeout_s)
        self._thread = threading.Thread(target=self._run, name=source.name, daemon=True)

    def start(self) -> None:
        """Start the thread; the first run begins at once."""
        self._thread.start()

    async def stop(self) -> None:
        """Ask the thread to end after its run; one that hangs ends with the process."""
        self._stopping.set()

    def view(self) -> View:
        """See ``Progress.view``."""
        return self.progress.view(self._clock())

    def report(self) -> CollectorReport:
        """See ``Progress.report``."""
        return self.progress.report(self._clock())

    def _run(self) -> None:
        grid = Grid(self._source.period_s, self._clock())
        while not self._stopping.wait(max(0.0, grid.due_s - self._clock())):
            grid.take(max(grid.due_s, self._clock()))
            pause_s = self._once()
            if pause_s and self._stopping.wait(pause_s):
                return

    def _once(self) -> float:
        """Run the source once; return the seconds to pause beyond its period."""
        self.progress.begin(self._clock())
        try:
            facts = self._source.read()
        except Exception as exc:  # noqa: BLE001 - the outermost frame of a thread; it must not end
            self.progress.fail(exc, self._clock())
            return _pause_s(exc)
        self.progress.succeed(facts, self._clock())
        return 0.0


class TaskCollector:
    """A source that awaits the network, in a task; its run is cancelled at its timeout."""

    def __init__(self, source: Waiting, clock: Clock = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self.progress = Progress(source.name, source.period_s, source.timeout_s)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the task; the first run begins at once."""
        self._task = asyncio.create_task(self._run(), name=self._source.name)

    async def stop(self) -> None:
        """Cancel the task, and close what it used."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._source.close()

    def view(self) -> View:
        """See ``Progress.view``."""
        return self.progress.view(self._clock())

    def report(self) -> CollectorReport:
        """See ``Progress.report``."""
        return self.progress.report(self._clock())

    async def _run(self) -> None:
        grid = Grid(self._source.period_s, self._clock())
        while True:
            await asyncio.sleep(max(0.0, grid.due_s - self._clock()))
            grid.take(max(grid.due_s, self._clock()))
            await asyncio.sleep(await self._once())

    async def _once(self) -> float:
        self.progress.begin(self._clock())
        try:
            async with asyncio.timeout(self._source.timeout_s):
                facts = await self._source.read()
        except Exception as exc:  # noqa: BLE001 - the outermost frame of a task; it must not end
            self.progress.fail(exc, self._clock())
            return _pause_s(exc)
        self.progress.succeed(facts, self._clock())
        return 0.0


Collector = ThreadCollector | TaskCollector


def collector(source: Source) -> Collector:
    """Return what runs the source."""
    return ThreadCollector(source) if isinstance(source, Blocking) else TaskCollector(source)


def _pause_s(exc: Exception) -> float:
    return ABSENT_PERIOD_S if isinstance(exc, SensorAbsent | SensorForbidden) else 0.0
