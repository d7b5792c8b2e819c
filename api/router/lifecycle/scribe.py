"""Writes facts into the journal, then hands them to the emitter: so none is sent that is not written."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence

from api.router.lifecycle.clock import Clock
from api.router.lifecycle.intake import Intake
from api.router.lifecycle.journal import Journal
from api.router.lifecycle.records import KINDS, Entry, entry
from producers.emitter import Emitter
from producers.envelope import Encoded
from schemas.topics import REQUESTS

logger = logging.getLogger(__name__)

QUEUE_RECORDS = 50_000
"""Facts in the emitter's memory, some hundred bytes each; Kafka away, they go to the spool by the half."""
_ROOM = QUEUE_RECORDS * 9 // 10
_BEAT_S = 1.0
_ROOM_S = 0.05
_WILLS = 64


class Scribe:
    """One task. ``journal`` is None where the disk refused it at the start: then facts are sent unwritten."""

    def __init__(self, intake: Intake, journal: Journal | None, emitter: Emitter, clock: Clock) -> None:
        self._intake = intake
        self._journal = journal
        self._emitter = emitter
        self._clock = clock
        self._said = 0  # of the facts, how many the journal says are settled
        self._refusing = self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._number = 0
        self._written: Callable[[int], None] = lambda _: None
        self.journal_bytes = 0

    @property
    def journal_works(self) -> bool:
        """Whether what is told survives a kill -9."""
        return self._journal is not None and not self._refusing

    def start(self, written: Callable[[int], None] = lambda _: None) -> None:
        """Begin; ``written`` hears, again and again, up to which parcel of moments all is written down."""
        self._written = written
        self._task = asyncio.create_task(self._run(), name="facts of requests")

    async def stop(self, error: str) -> None:
        """End every open request, and hand over everything that there is, without waiting for room."""
        self._stopping = True
        self._intake.wake.set()
        if self._task is not None:
            await self._task
        self._intake.end(self._clock.now_us(), error)
        await self._write()

    async def _run(self) -> None:
        while not self._stopping:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_BEAT_S):
                    await self._intake.wake.wait()
            try:
                self._clock.check()
                await self._room()
                await self._write()
            except Exception:
                logger.exception("the facts of requests failed in an unexpected way, and go on")
                await asyncio.sleep(_ROOM_S)

    async def _room(self) -> None:
        """Wait until the emitter can take more; it waits for Kafka and the disk, and the recorder for it."""
        while self._emitter.statistics.waiting > _ROOM and not self._stopping:
            self._written(self._number)
            await asyncio.sleep(_ROOM_S)

    async def _write(self) -> None:
        """Write down and hand over what waits; nothing is taken twice, whatever the disk does."""
        intake, journal, settled = self._intake, self._journal, self._emitter.settled
        facts, number = intake.take(), intake.number
        try:
            if journal is not None and (facts or settled > self._said or intake.lives):
                await self._write_down(journal, [*facts, *self._wills(journal)], settled)
        finally:
            for kind, key, body in facts:
                self._emitter.emit(REQUESTS, key, Encoded(KINDS[kind], body))
        self._number = number
        self._written(number)

    def _wills(self, journal: Journal) -> list[Entry]:
        """Return what lets the segment before the last one go."""
        wills = self._intake.lives.wills(journal.segment - 1, _WILLS, time.monotonic())
        return [entry(event, will=True) for event in wills]

    async def _write_down(self, journal: Journal, entries: Sequence[Entry], settled: int) -> None:
        lives, at_us = self._intake.lives, self._clock.now_us()
        oldest = lives.oldest_segment

        def write() -> int:
            journal.append(entries, settled, at_us, sync=bool(entries))
            journal.trim(settled, oldest)
            return journal.size_bytes

        try:
            self.journal_bytes = await asyncio.get_running_loop().run_in_executor(None, write)
        except OSError as exc:
            self._refused(exc)
            return
        if self._refusing:
            logger.info("the journal can be written again")
        self._refusing, self._said, lives.segment = False, settled, journal.segment

    def _refused(self, exc: OSError) -> None:
        if not self._refusing:
            logger.error(
                "the journal of requests cannot be written (%s): if this router is killed now, requests stay "
                "open in the facts; free the disk, or change the setting data_dir",
                exc,
            )
        self._refusing = True
