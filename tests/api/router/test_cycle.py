"""Answers of HTTP: one write for a whole one, framed as HTTP wants it; what is not whole is an error."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from api.router.cycle import Cycle


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True


def made(method: str = "POST", *, keep_alive: bool = True) -> tuple[Cycle, Transport]:
    transport, logger = Transport(), logging.getLogger(__name__)
    scope: Any = {"method": method}
    cycle = Cycle(
        scope, transport, FlowControl(transport), logger, logger, False, [], asyncio.Event(), False,
        keep_alive, lambda: None,
    )  # fmt: skip
    return cycle, transport


def start(status: int = 200, **headers: str) -> Mapping[str, Any]:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": pairs}


def piece(body: bytes, *, more: bool = False) -> Mapping[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


@pytest.mark.asyncio
async def test_a_whole_answer_is_one_write() -> None:
    cycle, transport = made()
    await cycle.send(start(Content_Length="2"))
    assert transport.written == []
    await cycle.send(piece(b"{}"))
    assert transport.written == [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"]
    assert cycle.response_complete
    assert not transport.closed


@pytest.mark.asyncio
async def test_the_start_of_a_stream_goes_with_its_first_piece() -> None:
    cycle, transport = made()
    await cycle.send(start())
    await cycle.send(piece(b"one", more=True))
    await cycle.send(piece(b"two"))
    assert transport.written == [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n",
        b"3\r\ntwo\r\n0\r\n\r\n",
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("method", "status", "headers", "body", "written"),
    [
        ("HEAD", 200, {"content_length": "5"}, b"", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        ("HEAD", 200, {}, b"dropped", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("GET", 204, {}, b"", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", 200, {}, b"", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        (
            "GET", 200, {"transfer_encoding": "Chunked"}, b"a",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        ),
    ],
)  # fmt: skip
async def test_answers_are_framed(
    method: str, status: int, headers: Mapping[str, str], body: bytes, written: bytes
) -> None:
    cycle, transport = made(method)
    await cycle.send(start(status, **headers))
    await cycle.send(piece(body))
    assert b"".join(transport.written) == written
    assert cycle.response_complete


@pytest.mark.asyncio
@pytest.mark.parametrize("headers", [{"x_more": "1"}, {"connection": "Keep-Alive, Close"}])
async def test_a_connection_that_is_not_kept_is_closed_and_says_so_once(headers: dict[str, str]) -> None:
    cycle, transport = made(keep_alive="connection" in headers)
    await cycle.send(start(200, content_length="1", **headers))
    await cycle.send(piece(b"a"))
    assert transport.closed
    assert transport.written[0].lower().count(b"connection: ") == 1
    assert b"close\r\n" in transport.written[0].lower()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([piece(b"a")], "begins with"),
        ([start(content_length="1"), piece(b"ab")], "longer"),
        ([start(content_length="2"), piece(b"a")], "shorter"),
        ([start(content_length="0"), piece(b""), piece(b"")], "where none may"),
        ([start(), start()], "where none may"),
        ([start(x_name="a\r\nset-cookie: b")], "bytes that none may have"),
    ],
)
async def test_what_is_no_answer_is_an_error(messages: list[Mapping[str, Any]], error: str) -> None:
    cycle, _ = made()
    *before, last = messages
    for message in before:
        await cycle.send(message)
    with pytest.raises(RuntimeError, match=error):
        await cycle.send(last)


@pytest.mark.asyncio
async def test_nothing_is_written_to_a_client_that_left() -> None:
    cycle, transport = made()
    await cycle.send(start(content_length="1"))
    cycle.disconnected = True
    await cycle.send(piece(b"a"))
    assert transport.written == []
