"""The process that tells the facts of one router: moments come in, facts go to the journal and to Kafka.

``python -m api.router.lifecycle.teller DESCRIPTOR``, as ``clerk`` starts it. It ends when it is told to, and
when the router has gone: then every open request ends as ``router_stopped``, and what waits is sent or put on
disk, as after any stop.
"""

import asyncio
import gc
import logging
import os
import pickle
import signal
import socket
import sys
from collections.abc import Sequence
from typing import cast

import uvloop

from api.router.lifecycle.clock import Clock
from api.router.lifecycle.errand import Errand, Standing
from api.router.lifecycle.facts import Who
from api.router.lifecycle.intake import Intake
from api.router.lifecycle.journal import Journal
from api.router.lifecycle.lives import DIED, STOPPED, Lives
from api.router.lifecycle.records import KINDS, Entry
from api.router.lifecycle.recovery import recover
from api.router.lifecycle.scribe import QUEUE_RECORDS, Scribe
from api.router.lifecycle.wire import Message, Wire
from producers.connector import quiet_client
from producers.emitter import Emitter
from producers.envelope import Encoded
from producers.patience import Patience
from schemas.errors import ConfigError, PenstockError
from schemas.settings import Settings
from schemas.topics import REQUESTS

logger = logging.getLogger(__name__)

FOLDER_S = 30.0
"""How long the process of a router that has gone may still need the folder."""
LAST_S = 60
"""How long this process may outlive its router."""
_ASK_S = 0.05
_COLLECT = (20_000, 50, 100)
"""Facts are made and gone by the thousand, and are in no cycles: there is little to look for."""
_PATIENCE = Patience(gather_s=0.05)
"""Many facts in one batch cost Kafka and this process less; they are in the journal meanwhile."""
_NICENESS = 5
"""Where there is too little CPU for both, serving goes first."""


class Teller:
    """One process's work. ``wire`` is set before ``run``."""

    wire: Wire

    def __init__(self) -> None:
        self._begun: asyncio.Future[Errand] = asyncio.get_running_loop().create_future()
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._early: list[tuple[int, Sequence[bytes]]] = []
        self._intake: Intake | None = None

    def heard(self, message: Message) -> None:
        """Take a message of the router."""
        match message:
            case ("begin", errand):
                self._begun.set_result(cast(Errand, pickle.loads(errand)))
            case ("moments", number, lines) if self._intake is not None:
                self._intake.hear(number, lines)
            case ("moments", number, lines):
                self._early.append((number, lines))
            case ("stop",):
                self._end(STOPPED)

    def lost(self) -> None:
        """Hear that the router has gone."""
        signal.alarm(LAST_S)  # nothing of it stays for ever, whatever a disk does
        self._end(DIED)

    async def run(self) -> None:
        """Tell facts until the router stops, or has gone.

        Raises:
            ConfigError: the settings of Kafka cannot work, or the folder is in use.
        """
        errand = await self._begun
        quiet_client(errand.settings.log.level)
        clock = Clock(anchor=errand.anchor)
        journal, left = await _opened(errand, clock)
        try:
            emitter = _emitter(errand.settings, errand)
            await emitter.start()
            lives = Lives(Who(errand.settings.router.fleet, errand.router_id), clock.at_us)
            lives.segment = journal.segment if journal else 0
            for kind, key, body in left:
                emitter.emit(REQUESTS, key, Encoded(KINDS[kind], body))
            await self._write(Intake(lives), journal, emitter, clock)
            before = emitter.statistics.dropped
            await emitter.stop()
            if journal is not None and emitter.statistics.dropped == before:
                journal.clear()
        finally:
            if journal is not None:
                journal.close()

    async def _write(self, intake: Intake, journal: Journal | None, emitter: Emitter, clock: Clock) -> None:
        scribe = Scribe(intake, journal, emitter, clock)

        def written(number: int) -> None:
            self.wire.say("written", number, tuple(_standing(clock, intake, emitter, scribe)))

        scribe.start(written)
        self._intake = intake
        for number, lines in self._early:
            intake.hear(number, lines)
        self._early.clear()
        await scribe.stop(await self._over)

    def _end(self, why: str) -> None:
        if not self._over.done():
            self._over.set_result(why)
        if not self._begun.done():
            self._begun.cancel()


class _ToRouter(logging.Handler):
    """The router's log has what this process says; lines may come from any thread."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire
        self._loop = asyncio.get_running_loop()

    def emit(self, record: logging.LogRecord) -> None:
        """Send a line."""
        said = ("log", record.levelno, record.name, self.format(record))
        self._loop.call_soon_threadsafe(self._wire.say, *said)


def _standing(clock: Clock, intake: Intake, emitter: Emitter, scribe: Scribe) -> Standing:
    now = emitter.statistics
    return Standing(
        *clock.anchor, len(intake.lives), now.delivered, now.dropped, now.refused, now.waiting,
        now.spool_records, now.spool_bytes, now.connected, scribe.journal_bytes, scribe.journal_works,
    )  # fmt: skip


async def _opened(errand: Errand, clock: Clock) -> tuple[Journal | None, list[Entry]]:
    """Return the journal, begun anew, and what the last run left to tell; none where the disk refuses."""
    folder = errand.folder
    journal = Journal(folder)
    try:
        left = recover(await _segments(journal), Lives(Who("", ""), clock.at_us), errand.again)
        entries = [*left.facts, *left.closings]
        journal.begin(entries, clock.now_us())
    except OSError as exc:
        journal.close()
        logger.error(
            "the journal of requests in %s cannot be used (%s): if this router is killed, requests stay open "
            "in the facts; free the disk, or change the setting data_dir",
            folder,
            exc,
        )
        return None, []
    if left.damaged:
        logger.error("%d places of the journal in %s could not be read", left.damaged, folder)
    if left.closings:
        logger.warning(
            "the last run left %d requests open, which are told as router_stopped now", len(left.closings)
        )
    if left.facts:
        logger.info("%d facts of the last run may not have arrived and are sent again", len(left.facts))
    return journal, entries


async def _segments(journal: Journal) -> Sequence[bytes]:
    """Open a journal; the process of a router that was killed may still be busy with it."""
    until_s = asyncio.get_running_loop().time() + FOLDER_S
    while True:
        try:
            return journal.open()
        except ConfigError:
            if asyncio.get_running_loop().time() > until_s:
                raise
        await asyncio.sleep(_ASK_S)


def _emitter(settings: Settings, errand: Errand) -> Emitter:
    return Emitter(
        settings.kafka,
        settings.registry,
        topics=(REQUESTS,),
        spool=errand.folder / "spool",
        spool_bytes=settings.router.spool_bytes,
        queue_records=QUEUE_RECORDS,
        patience=_PATIENCE,
    )


async def _work(descriptor: int) -> int:
    teller = Teller()
    place = socket.socket(fileno=descriptor)
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_unix_connection(lambda: Wire(teller.heard, teller.lost), sock=place)
    teller.wire = wire
    logging.basicConfig(level=logging.INFO, handlers=[_ToRouter(wire)], format="%(message)s")
    try:
        await teller.run()
    except PenstockError as exc:
        logger.error("the facts of requests cannot be told: %s", exc)
        return 2
    except asyncio.CancelledError:
        return 0  # the router went before it had said what to do
    finally:
        await asyncio.sleep(0)  # what other threads said last
        wire.close()
        await asyncio.sleep(0)
    return 0


if __name__ == "__main__":
    os.nice(_NICENESS)
    gc.freeze()
    gc.set_threshold(*_COLLECT)
    sys.exit(uvloop.run(_work(int(sys.argv[1]))))
