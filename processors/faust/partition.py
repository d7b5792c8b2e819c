"""One partition of a stage at work: batches in, a transaction for each out, and starting over when one fails.

While a transaction commits, the next batch is folded. Nothing is undone when a commit fails: the memory is
dropped and found again from what is committed.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from processors.faust import metrics
from processors.faust.batch import BatchFolder, Work
from processors.faust.intake import Intake
from processors.faust.letters import Record, Source
from processors.faust.log import FencedError, Log
from processors.faust.recovery import Recovered, recover
from processors.stage import Stage
from schemas.errors import DecodeError, UnavailableError
from schemas.settings import Settings

logger = logging.getLogger(__name__)

State = TypeVar("State")

LONGEST_PAUSE_S = 10.0
# A transaction costs the broker the same for one record as for a thousand: batches that are not full begin
# no closer together than this.
LINGER_S = 0.05


class Partition(Generic[State]):
    """Runs a stage over one partition.

    ``rewind`` asks for the source to be fetched again from where it is committed, and returns the epoch of
    the batches that will come of it; older ones are not taken.
    """

    def __init__(
        self,
        stage: Stage[State],
        source: Source,
        log: Log,
        *,
        intake: Intake,
        settings: Settings,
        rewind: Callable[[], int],
    ) -> None:
        self.source = source
        self.progressed_at = time.monotonic()
        self.committed = 0
        self._stage = stage
        self._log = log
        self._intake = intake
        self._settings = settings
        self._rewind = rewind
        self._epoch = rewind()
        self._inbox: deque[Record] = deque()
        self._accepted = -1
        self._wake = asyncio.Event()
        self._closing = False
        self._opened = False
        self._in_work = 0
        self._taken_at = 0.0
        self._pause = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Records that were fetched and are not committed."""
        return len(self._inbox) + self._in_work

    @property
    def has_room(self) -> bool:
        """Whether more records should be fetched."""
        return len(self._inbox) < self._settings.worker.batch_records

    def accept(self, epoch: int, records: Sequence[Record]) -> None:
        """Take a fetched batch, unless it was fetched before the last rewind."""
        if epoch < self._epoch:
            return
        if records and records[0].offset <= self._accepted:
            records = [record for record in records if record.offset > self._accepted]
        if records:
            self._accepted = records[-1].offset
            self._inbox.extend(records)
            self._wake.set()

    def start(self) -> None:
        """Begin, in a task of its own."""
        self._task = asyncio.create_task(self._run(), name=f"{self._stage.name}-{self.source.partition}")

    async def close(self, timeout_s: float) -> None:
        """Store what is not stored, so that the next owner need not fold it again, and let go."""
        self._closing = True
        self._wake.set()
        if self._task is None:
            return
        if not self._opened:
            self._task.cancel()
        _, late = await asyncio.wait([self._task], timeout=timeout_s)
        if late:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=timeout_s)

    async def _run(self) -> None:
        while not self._closing:
            try:
                await self._live()
            except FencedError:
                # Another worker has it. Should it stay ours all the same, then after the group has met.
                text = "%s partition %d was opened by another worker"
                logger.info(text, self.source.topic, self.source.partition)
                await self._again("fenced", self._settings.worker.session_timeout_s)
            except UnavailableError as exc:
                self._complain("starts over: %s", exc)
                pause = min(max(exc.retry_after_s, 2 * self._pause), LONGEST_PAUSE_S)
                await self._again("unavailable", pause)
            except DecodeError as exc:
                self._complain("cannot go on: %s", exc)
                await self._again("unreadable", LONGEST_PAUSE_S)
            except Exception:
                # The outermost frame: an error of ours must not end the partition in silence.
                logger.exception("%s partition %d starts over", self.source.topic, self.source.partition)
                await self._again("bug", LONGEST_PAUSE_S)

    async def _live(self) -> None:
        """From opening the log until closing, or until something fails."""
        writing: asyncio.Task[None] | None = None
        try:
            folder = await self._open()
            while (records := await self._take(writing)) is not None:
                work = await folder.fold(records)
                if writing is not None:
                    await writing
                writing = self._begin_writing(work)
            if writing is not None:
                await writing
            if (rest := folder.rest()) is not None:
                await self._write(rest)
        finally:
            if writing is not None:
                writing.cancel()
                # What it failed with has been raised already, or something else goes first.
                await asyncio.gather(writing, return_exceptions=True)
            self._opened = False
            await self._log.close()

    async def _open(self) -> BatchFolder[State]:
        started = time.monotonic()
        await self._log.open()
        recovered = await recover(self._stage, self._log, self._intake, self.source)
        self._opened = True
        self._pause = 0.0
        self._tell(recovered, time.monotonic() - started)
        return BatchFolder(recovered, self.source, self._intake, self._settings)

    async def _take(self, writing: asyncio.Task[None] | None) -> list[Record] | None:
        """Wait for records and return a batch of them; None when it is time to close."""
        while not self._closing:
            if writing is not None and writing.done():
                writing.result()
            early_s = self._taken_at + LINGER_S - time.monotonic()
            if self._inbox and self.has_room and early_s > 0:
                await asyncio.sleep(early_s)
            elif self._inbox:
                return self._batch()
            else:
                self._wake.clear()
                await self._wake.wait()
        return None

    def _batch(self) -> list[Record]:
        self._taken_at = time.monotonic()
        size = min(len(self._inbox), self._settings.worker.batch_records)
        self._in_work += size
        return [self._inbox.popleft() for _ in range(size)]

    def _begin_writing(self, work: Work) -> asyncio.Task[None]:
        writing = asyncio.create_task(self._write(work))
        writing.add_done_callback(lambda _: self._wake.set())
        return writing

    async def _write(self, work: Work) -> None:
        started = time.monotonic()
        await self._log.write(work.transaction)
        self.progressed_at = time.monotonic()
        self.committed += work.records
        self._in_work -= work.records
        stage = self._stage.name
        metrics.TRANSACTION_SECONDS.labels(stage).observe(self.progressed_at - started)
        metrics.BATCH_RECORDS.labels(stage).observe(work.records)
        metrics.STATES_STORED.labels(stage).inc(work.states)
        metrics.SNAPSHOTS.labels(stage).inc(work.snapshots)
        metrics.RECORDS.labels(stage, "ok").inc(max(0, work.records - work.dead - work.suppressed))
        metrics.RECORDS.labels(stage, "dead_lettered").inc(work.dead)
        metrics.RECORDS.labels(stage, "suppressed").inc(work.suppressed)
        metrics.STATES.labels(stage, str(self.source.partition)).set(work.remembered)

    async def _again(self, reason: str, pause_s: float) -> None:
        """Wait, and have the source fetched again: what came meanwhile is not for the next life."""
        metrics.RESTARTS.labels(self._stage.name, reason).inc()
        self._pause = pause_s
        self._in_work = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                while not self._closing:
                    self._wake.clear()
                    await self._wake.wait()
        self._inbox.clear()
        self._accepted = -1
        self._epoch = self._rewind()

    def _tell(self, recovered: Recovered[State], seconds: float) -> None:
        stage = self._stage.name
        metrics.RECOVERY_SECONDS.labels(stage).observe(seconds)
        metrics.RECORDS_AGAIN.labels(stage).inc(recovered.again)
        metrics.LOST_RECORDS.labels(stage).inc(recovered.lost)
        metrics.UNREADABLE_STATES.labels(stage).inc(recovered.unreadable)
        logger.info(
            "%s partition %d is open: %d states, %d records folded again, %.2f s",
            self.source.topic,
            self.source.partition,
            len(recovered.memory.states),
            recovered.again,
            seconds,
        )

    def _complain(self, text: str, exc: Exception) -> None:
        logger.warning("%s partition %d " + text, self.source.topic, self.source.partition, exc)  # noqa: G003
