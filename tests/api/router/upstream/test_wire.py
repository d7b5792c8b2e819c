"""Answers of HTTP as servers send them, well and badly, read from a socket."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from api.router.seams import Upstream
from api.router.upstream.client import Client
from api.router.upstream.fault import Fault

pytestmark = pytest.mark.asyncio
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello"


class Server:
    """Sends the same bytes to each request; ``closes``: and then ends the connection."""

    def __init__(self, sent: bytes, *, closes: bool = False) -> None:
        self.sent = sent
        self.closes = closes
        self.connections = 0
        self.requests: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        while request := await reader.read(1 << 16):
            self.requests.append(request)
            writer.write(self.sent)
            await writer.drain()
            if self.closes:
                break
        writer.close()


@asynccontextmanager
async def asked(server: Server) -> AsyncIterator[tuple[Client, Upstream]]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    client = Client(connect_timeout_s=2.0)
    try:
        yield client, Upstream("u", "u", f"http://127.0.0.1:{port}/base", "vllm", key="k")
    finally:
        await client.close()
        listening.close()
        for writer in server.writers:
            writer.close()


async def whole(client: Client, upstream: Upstream) -> bytes:
    answer = await client.post(upstream, "/v1/x", b"{}")
    found = b""
    try:
        while piece := await answer.readany():
            found += piece
    finally:
        answer.done()
    return found


@pytest.mark.parametrize(
    ("sent", "closes"),
    [
        (HELLO, False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + HELLO, False),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", True),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", True),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b"
            % (len(gzip.compress(b"hello", mtime=0)), gzip.compress(b"hello", mtime=0)),
            False,
        ),
    ],
)
async def test_answers_are_read(sent: bytes, closes: bool) -> None:
    server = Server(sent, closes=closes)
    async with asked(server) as (client, upstream):
        for _ in range(3):
            assert await whole(client, upstream) == b"hello"
    assert server.connections == (3 if closes else 1)
    assert server.requests[0].startswith(b"POST /base/v1/x HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"Authorization: Bearer k\r\n" in server.requests[0]
    assert server.requests[0].endswith(b"Content-Length: 2\r\n\r\n{}")


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "closed the connection"),
        (b"HTTP/1.1 200", "closed the connection"),
        (b"no http\r\n\r\n", "no answer of HTTP"),
        (b"HTTP/1.1 999999 x\r\n\r\n", "no answer of HTTP"),
    ],
)
async def test_what_is_no_answer_is_a_fault(sent: bytes, said: str) -> None:
    async with asked(Server(sent, closes=True)) as (client, upstream):
        with pytest.raises(Fault, match=said) as fault:
            await whole(client, upstream)
    assert not fault.value.dropped


async def test_a_kept_connection_that_ends_says_nothing_of_the_upstream() -> None:
    server = Server(HELLO)
    async with asked(server) as (client, upstream):
        await whole(client, upstream)
        server.sent, server.closes = b"", True
        with pytest.raises(Fault) as fault:
            await whole(client, upstream)
    assert fault.value.dropped


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
async def test_half_an_answer_is_told_from_a_whole_one(sent: bytes) -> None:
    async with asked(Server(sent, closes=True)) as (client, upstream):
        with pytest.raises(OSError, match="broke off"):
            await whole(client, upstream)


async def test_who_does_not_want_the_rest_ends_the_connection() -> None:
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello")
    async with asked(server) as (client, upstream):
        for _ in range(2):
            answer = await client.post(upstream, "/v1/x", b"{}")
            assert await answer.readany() == b"hello"
            answer.done()
    assert server.connections == 2


async def test_a_request_that_is_given_up_ends_its_connection() -> None:
    server = Server(b"")
    async with asked(server) as (client, upstream):
        waiting = asyncio.create_task(client.post(upstream, "/v1/x", b"{}"))
        async with asyncio.timeout(10):
            while not server.requests:
                await asyncio.sleep(0.005)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(10):
            await server.writers[0].wait_closed()


async def test_bytes_that_nobody_asked_for_end_a_connection() -> None:
    server = Server(HELLO)
    async with asked(server) as (client, upstream):
        assert await whole(client, upstream) == b"hello"
        server.writers[0].write(HELLO)
        async with asyncio.timeout(10):
            await server.writers[0].wait_closed()
        assert await whole(client, upstream) == b"hello"
    assert server.connections == 2


async def test_an_upstream_is_not_read_faster_than_the_client() -> None:
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (64 << 20, b"x" * (64 << 20)))
    async with asked(server) as (client, upstream):
        answer = await client.post(upstream, "/v1/x", b"{}")
        await asyncio.sleep(0)
        found = 0
        while piece := await answer.readany():
            assert len(piece) < 4 << 20  # what had come while nobody read
            found += len(piece)
        answer.done()
    assert found == 64 << 20


async def test_a_place_that_refuses_was_not_reached() -> None:
    client = Client(connect_timeout_s=2.0)
    with pytest.raises(Fault) as fault:
        await client.post(Upstream("u", "u", "http://127.0.0.1:9", "vllm"), "/v1/x", b"{}")
    await client.close()
    assert fault.value.unreached
    assert "u cannot be reached" in fault.value.message
