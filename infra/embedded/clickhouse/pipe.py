"""A pipe that a thread of the engine writes and the event loop reads."""

import asyncio
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PIPE_BYTES = 256 << 10


class Reader:
    """The reading end; what is not read yet holds the writer up, so memory stays bounded.

    Not the loop's ``connect_read_pipe``: uvloop 0.23 closes the number of such a file twice, and in between
    another thread may have got it, for a file of a table or for a connection.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self.ended = False
        os.set_blocking(number, False)

    async def read(self, size: int = PIPE_BYTES) -> bytes:
        """Return what is there, at most ``size`` bytes, after waiting for something; nothing at the end."""
        while not self.ended:
            try:
                data = os.read(self._number, size)
            except BlockingIOError:
                await self._readable()
                continue
            self.ended = not data
            return data
        return b""

    async def read_to(self, size: int) -> bytes:
        """Return all there is up to about a size."""
        read = bytearray()
        while len(read) < size and (piece := await self.read()):
            read += piece
        return bytes(read)

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._number, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._number)


@contextmanager
def pipe() -> Iterator[tuple[Reader, int]]:
    """Give the reading end, and the number of the writing end, which whoever writes has to close."""
    read_end, write_end = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        # Linux only, and not beyond a user's share: a larger pipe saves turns, nothing depends on it.
        with suppress(OSError):
            fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    try:
        yield Reader(read_end), write_end
    finally:
        os.close(read_end)
