"""The spool behind a thread of its own: a slow disk delays what waits on it, and nothing else."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from producers.spool import Batch, Spool
from schemas.errors import ConfigError

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class DiskQueue:
    """One caller at a time. The counts are those of the moment the last call returned."""

    def __init__(self, folder: Path, limit_bytes: int, *, retry_s: float = 5.0) -> None:
        self._folder = folder
        self._spool = Spool(folder, limit_bytes)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._refusing = False
        self._retry_s = retry_s
        self._retry_at_s = 0.0
        self.records = 0
        self.pending_bytes = 0
        self.dropped_total = 0
        self.torn_total = 0

    @property
    def ready(self) -> bool:
        """Whether it is worth writing: the disk has not refused just now."""
        return time.monotonic() >= self._retry_at_s

    async def open(self) -> None:
        """Read what an earlier run left; a disk that refuses is no reason not to start.

        Raises:
            ConfigError: another process uses the folder.
        """
        try:
            await self._call(self._spool.open)
        except OSError as exc:
            self._refused(exc)
        if self.records:
            logger.info("%d facts of an earlier run wait in %s", self.records, self._folder)

    async def write(self, records: Sequence[bytes]) -> int:
        """Append in order and return how many the disk took: all, unless it refuses."""
        written, failure = await self._call(lambda: self._append(records))
        if failure is not None:
            self._refused(failure)
        elif self._refusing:
            logger.info("the spool %s can be written again", self._folder)
            self._refusing = False
        return written

    async def peek(self) -> Batch:
        """Return the oldest records; an empty batch where none wait."""
        return await self._call(self._spool.peek)

    async def acknowledge(self, batch: Batch) -> None:
        """Forget a batch that arrived."""
        await self._call(lambda: self._spool.acknowledge(batch))

    async def close(self) -> None:
        """Let go of the folder."""
        await self._call(self._spool.close)
        self._thread.shutdown(wait=False)

    def _append(self, records: Sequence[bytes]) -> tuple[int, Exception | None]:
        for index, record in enumerate(records):
            try:
                self._spool.append(record)
            except (OSError, ConfigError) as exc:
                return index, exc
        return len(records), None

    async def _call(self, work: Callable[[], Result]) -> Result:
        loop = asyncio.get_running_loop()
        result, counts = await loop.run_in_executor(self._thread, self._with_counts, work)
        self.records, self.pending_bytes, self.dropped_total, self.torn_total = counts
        return result

    def _with_counts(self, work: Callable[[], Result]) -> tuple[Result, tuple[int, int, int, int]]:
        spool, result = self._spool, work()
        return result, (spool.records, spool.pending_bytes, spool.dropped_total, spool.torn_total)

    def _refused(self, exc: Exception) -> None:
        self._retry_at_s = time.monotonic() + self._retry_s
        if not self._refusing:
            logger.error(
                "the spool %s cannot be written (%s): facts wait in memory, and the oldest are dropped when "
                "that is full; free the disk, or change the setting data_dir",
                self._folder,
                exc,
            )
        self._refusing = True
