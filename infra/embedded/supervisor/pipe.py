"""The pipe that a part prints into, as lines.

Our own rather than ``asyncio.subprocess.PIPE``: with that, ``Process.wait()`` returns only when the pipe has
ended too (Python 3.11), and whatever the part started holds it open.
"""

import asyncio
import os
from collections.abc import AsyncIterator

# A longer line is cut there: memory stays bounded whatever a part prints.
LINE_LIMIT_BYTES = 64 << 10


class Pipe:
    """A pipe; ``entrance`` is the end for the part, closed here once the part has it."""

    def __init__(self, entrance: int, stream: asyncio.StreamReader, transport: asyncio.ReadTransport) -> None:
        self.entrance = entrance
        self._stream = stream
        self._transport = transport

    def let_go(self) -> None:
        """Close our copy of the entrance."""
        os.close(self.entrance)

    def close(self) -> None:
        """Close our end; no part got the other."""
        self._transport.close()

    async def lines(self) -> AsyncIterator[str]:
        """Yield what comes, without line ends, until everyone has closed the entrance."""
        rest = b""
        try:
            while chunk := await self._stream.read(LINE_LIMIT_BYTES):
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > LINE_LIMIT_BYTES:
                    lines, rest = [*lines, rest], b""
                for line in lines:
                    yield line.decode("utf-8", "replace").rstrip("\r")
            if rest:
                yield rest.decode("utf-8", "replace")
        finally:
            self._transport.close()


async def opened() -> Pipe:
    """Return a new pipe."""
    exit_, entrance = os.pipe()
    stream = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(exit_, "rb", 0)
    )
    return Pipe(entrance, stream, transport)
