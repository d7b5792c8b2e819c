"""The router's side of the process that tells its facts: starts it, hands it moments, starts another one.

Facts cost as much CPU as serving does. In a process of their own they take none of the router's, and no
request waits while a batch is encoded.
"""

import asyncio
import contextlib
import logging
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable

from api.router.lifecycle.clock import Clock
from api.router.lifecycle.errand import Errand, Standing
from api.router.lifecycle.kept import Kept
from api.router.lifecycle.moments import Moment
from api.router.lifecycle.wire import Message, Wire

logger = logging.getLogger(__name__)

STOP_S = 30.0
"""How long the process may take to send what waits, or to put it on disk."""
_FIRST_RETRY_S, _LAST_RETRY_S = 0.1, 5.0
_TOLD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Clerk:
    """See ``recorder.Telling``. Made where the event loop runs; ``standing`` is what was told last."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self._kept = Kept()
        self._wire: Wire | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._gone = asyncio.Event()
        self._retry_s = _FIRST_RETRY_S
        self._stopping = False
        self._keeping: asyncio.Task[None] | None = None
        self.standing = Standing(*errand.anchor)

    @property
    def waiting(self) -> int:
        """Moments that are not written down yet."""
        return self._kept.waiting

    @property
    def pid(self) -> int | None:
        """The process; None while there is none."""
        return self._process.pid if self._process is not None else None

    def tell(self, moments: Iterable[Moment]) -> None:
        """Hand moments over; while there is no process they are kept for the next one."""
        parcel = self._kept.take(moments)
        if self._wire is not None:
            self._wire.say("moments", *parcel)

    async def start(self) -> None:
        """Start the process, and see to it that there is one until ``stop``."""
        await self._hire()
        self._keeping = asyncio.create_task(self._keep(), name="the process of facts")

    async def stop(self) -> None:
        """Have all that was handed over told, or put on disk, and the process ended."""
        self._stopping = True
        if self._wire is None:
            await self._stop_keeping()
            await self._hire()
            self._keeping = asyncio.create_task(self._keep())
        assert self._wire is not None
        self._wire.say("stop")
        try:
            async with asyncio.timeout(STOP_S):
                await self._gone.wait()
        except TimeoutError:
            logger.error("the facts of requests were not told within %g s; the next start does it", STOP_S)
            if self._process is not None:
                self._process.kill()
            await self._gone.wait()
        if self._keeping is not None:
            await self._keeping

    async def _stop_keeping(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping

    async def _keep(self) -> None:
        """Start another process when one has ended without being told to."""
        while True:
            await self._gone.wait()
            ended = await self._reaped()
            if self._stopping:
                if ended:
                    logger.error("the process of facts ended with %d; the next start tells the rest", ended)
                return
            logger.error(
                "the process that tells the facts of requests ended with %s; another one is started", ended
            )
            await asyncio.sleep(self._retry_s)
            self._retry_s = min(_LAST_RETRY_S, 2 * self._retry_s)
            with contextlib.suppress(OSError):  # no memory, no more processes: try again
                await self._hire()

    async def _reaped(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        return await asyncio.get_running_loop().run_in_executor(None, process.wait)

    async def _hire(self) -> None:
        """Start a process, and tell it all that the one before may not have written down."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = _started(theirs.fileno())
        self._gone.clear()
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_unix_connection(lambda: Wire(self._heard, self._lost), sock=ours)
        anchor = (self.standing.anchor_s, self.standing.anchor_us)
        errand = self._errand._replace(anchor=anchor, again=frozenset(self._kept.ids))
        wire.say("begin", pickle.dumps(errand))
        for parcel in self._kept.again():
            wire.say("moments", *parcel)
        self._wire = wire

    def _heard(self, message: Message) -> None:
        match message:
            case ("written", number, standing):
                self._kept.written(number)
                self.standing = Standing(*standing)
                self._retry_s = _FIRST_RETRY_S
            case ("log", level, name, text):
                logging.getLogger(name).log(level, "%s", text)

    def _lost(self) -> None:
        self._wire = None
        self._gone.set()


def anchor() -> tuple[float, int]:
    """Return the moment of now, and its time."""
    return Clock().anchor


def _started(descriptor: int) -> "subprocess.Popen[bytes]":
    """Start the process. What ends the router must not end it: it is told, or sees that the router is gone.

    Signals are blocked for it from its first moment on, so that there is none in which one could end it.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _TOLD)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "api.router.lifecycle.teller", str(descriptor)],
            pass_fds=(descriptor,),
            stdin=subprocess.DEVNULL,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
