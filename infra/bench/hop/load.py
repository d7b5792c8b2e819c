"""A load generator: so many clients, each asking again as soon as it is answered."""

import asyncio
import json
import resource
import time
from dataclasses import dataclass
from typing import cast

import uvloop

from infra.bench.hop.http1 import Messages

_ALIVE_S = 6.0
"""A stream has a token each second; on a machine that is full it may be late."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a run measured: answers a second, seconds each took, answers that were wrong."""

    per_s: float
    taken_s: tuple[float, ...]
    errors: int

    def quantile_ms(self, share: float) -> float:
        """Return a quantile of what answers took, milliseconds."""
        ordered = sorted(self.taken_s)
        return 1000 * ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def request(path: str, model: str, *, stream: bool) -> bytes:
    """Return a request of HTTP for a short chat."""
    asked = {"model": model, "messages": [{"role": "user", "content": "Say something."}], "stream": stream}
    body = json.dumps(asked, separators=(",", ":")).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    return head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body


def run(port: int, asked: bytes, *, clients: int, seconds: float) -> Load:
    """Ask for so many seconds, on as many connections as there are clients."""
    return uvloop.run(_run(port, asked, clients, seconds))


async def _run(port: int, asked: bytes, clients: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    made = [
        (await loop.create_connection(lambda: _Client(asked), "127.0.0.1", port))[1] for _ in range(clients)
    ]
    began = time.perf_counter()
    for client in made:
        client.begin()
    await asyncio.sleep(seconds)
    for client in made:
        client.close()
    lasted = time.perf_counter() - began
    taken = tuple(took for client in made for took in client.taken_s)
    return Load(len(taken) / lasted, taken, sum(client.errors for client in made))


class _Client(asyncio.Protocol):
    def __init__(self, asked: bytes) -> None:
        self._asked = asked
        self._messages = Messages()
        self._transport: asyncio.Transport | None = None
        self._began = 0.0
        self.taken_s: list[float] = []
        self.errors = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def begin(self) -> None:
        assert self._transport is not None
        self._began = time.perf_counter()
        self._transport.write(self._asked)

    def close(self) -> None:
        assert self._transport is not None
        transport, self._transport = self._transport, None
        transport.abort()

    def data_received(self, data: bytes) -> None:
        for head, body in self._messages.feed(data):
            self.taken_s.append(time.perf_counter() - self._began)
            if not head.startswith(b"HTTP/1.1 200") or b'"error"' in body:
                self.errors += 1
            if self._transport is not None:
                self.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self.errors += 1


async def hold(port: int, asked: bytes, *, streams: int, seconds: float) -> tuple[int, int]:
    """Open streams that stay open; return how many got a token in the last seconds, and how many failed."""
    loop = asyncio.get_running_loop()
    made: list[_Stream] = []
    for _ in range(streams):
        made.append((await loop.create_connection(lambda: _Stream(asked), "127.0.0.1", port))[1])
    await asyncio.sleep(seconds)
    since = time.perf_counter() - _ALIVE_S
    alive = sum(1 for stream in made if stream.last > since and not stream.failed)
    failed = sum(1 for stream in made if stream.failed)
    for stream in made:
        stream.close()
    return alive, failed


class _Stream(asyncio.Protocol):
    def __init__(self, asked: bytes) -> None:
        self._asked = asked
        self._transport: asyncio.Transport | None = None
        self.last = 0.0
        self.failed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._asked)

    def data_received(self, data: bytes) -> None:
        self.last = time.perf_counter()
        if b'"error"' in data or (data.startswith(b"HTTP/1.1") and not data.startswith(b"HTTP/1.1 200")):
            self.failed = True

    def close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.failed = self.failed or self._transport is not None


def raise_open_files() -> None:
    """Allow as many open files as the system does."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
