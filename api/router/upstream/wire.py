"""Plain HTTP/1.1 to upstreams: the hot path's carrier.

aiohttp's client takes a third of the time of a whole request; what is needed here is one POST after another
on connections that are kept. httptools reads the answers, as it reads requests for uvicorn. What is not plain
http goes by aiohttp.
"""

import asyncio
import time
import zlib
from collections import deque
from typing import cast

import httptools

from api.router.upstream.fault import Fault

_HIGH = 128 << 10
"""While more bytes than this wait for the client, the upstream is not read."""
_INFLATED = frozenset({"gzip", "x-gzip", "deflate"})
_EITHER_FORM = 47
"""For zlib: of gzip's form or its own, as the header says."""


class Wire(asyncio.Protocol):
    """One connection, and the answer on it; both are used by one request at a time."""

    def __init__(self, name: str, home: "Wires") -> None:
        self._name = name
        self._home = home
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._headers: dict[str, str] = {}
        self._pieces: list[bytes] = []
        self._size = 0
        self._paused = False
        self._begun = False
        self._unframed = False
        self._broken = False
        self._nonsense = False
        self._used = False
        self._inflate: zlib._Decompress | None = None
        self._lost = False
        self.status = 0
        self.ended = True
        self.reusable = False
        self.idle_since_s = 0.0

    @property
    def open(self) -> bool:
        """Whether it can carry another request."""
        return not self._lost and self.ended and self.reusable

    async def post(self, request: bytes) -> None:
        """Send a request, and wait for the headers of its answer.

        Raises:
            Fault: there is none.
        """
        assert self._transport is not None
        self._parser = httptools.HttpResponseParser(self)
        self._headers, self._pieces, self._size = {}, [], 0
        self._begun = self._broken = self.ended = self.reusable = False
        self._inflate = None
        self._transport.write(request)
        try:
            while not self._begun and not self._broken:
                await self._wait()
        except asyncio.CancelledError:
            self.close()
            raise
        if not self._begun:
            if self._nonsense:
                raise Fault(f"{self._name} gave no answer of HTTP")
            raise Fault(f"{self._name} closed the connection without an answer", dropped=self._used)

    def header(self, name: str) -> str:
        """See ``Answer``."""
        return self._headers.get(name.lower(), "")

    async def readany(self) -> bytes:
        """See ``Answer``."""
        while not self._pieces:
            if self.ended:
                return b""
            if self._broken:
                raise ConnectionResetError(f"{self._name} broke off")
            await self._wait()
        pieces, self._pieces, self._size = self._pieces, [], 0
        if self._paused and self._transport is not None and not self._lost:
            self._paused = False
            self._transport.resume_reading()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def done(self) -> None:
        """See ``Answer``."""
        self._home.give(self)

    def close(self) -> None:
        """End the connection."""
        self.reusable = False
        if self._transport is not None and not self._lost:
            self._transport.abort()

    # of asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        if self.ended or self._parser is None:
            self.close()  # nothing was asked
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, zlib.error):
            self._nonsense = True
            self._broken = not self.ended
            self.close()
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._lost = True
        if not self.ended:
            self.ended = self._begun and self._unframed and exc is None
            self._broken = not self.ended
        self._wake()

    # of the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Let the request go on, unless these are the headers of 100 Continue and its like."""
        assert self._parser is not None
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self._headers = {}
            return
        self._unframed = not {"content-length", "transfer-encoding"} & self._headers.keys()
        if self._headers.get("content-encoding", "").lower() in _INFLATED:
            self._inflate = zlib.decompressobj(_EITHER_FORM)
        self._begun = True
        self._wake()

    def on_body(self, body: bytes) -> None:
        """Keep a piece until it is read."""
        piece = body if self._inflate is None else self._inflate.decompress(body)
        if piece:
            self._pieces.append(piece)
            self._size += len(piece)
            if self._size > _HIGH and not self._paused and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        """The answer is whole."""
        assert self._parser is not None
        if self.status < 200:
            return
        self.ended = self._used = True
        self.reusable = self._parser.should_keep_alive()
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        self._wake()

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Wires:
    """Connections to one place, the last used first; those idle for ``keep_s`` are not used again."""

    def __init__(self, name: str, host: str, port: int, *, connect_timeout_s: float, keep_s: float) -> None:
        self._name = name
        self._host = host
        self._port = port
        self._connect_timeout_s = connect_timeout_s
        self._keep_s = keep_s
        self._idle: deque[Wire] = deque()

    async def take(self) -> Wire:
        """Return a connection.

        Raises:
            Fault: there is none to be had.
        """
        now_s = time.monotonic()
        while self._idle:
            wire = self._idle.pop()
            if wire.open and now_s - wire.idle_since_s < self._keep_s:
                return wire
            wire.close()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                _, made = await loop.create_connection(lambda: Wire(self._name, self), self._host, self._port)
        except TimeoutError:
            raise Fault(f"{self._name} cannot be reached: no answer", unreached=True) from None
        except OSError as exc:
            raise Fault(f"{self._name} cannot be reached: {exc.strerror or exc}", unreached=True) from exc
        return made

    def give(self, wire: Wire) -> None:
        """Take a connection back; one that carries an unread answer is closed."""
        if not wire.open:
            wire.close()
            return
        wire.idle_since_s = time.monotonic()
        self._idle.append(wire)
        if wire.idle_since_s - self._idle[0].idle_since_s > self._keep_s:
            self._idle.popleft().close()

    def close(self) -> None:
        """Close all that are idle."""
        while self._idle:
            self._idle.pop().close()
