"""A request's bytes: decompressed as they arrive, cut into the statement and the data behind it."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import ClientError, web

from infra.embedded.clickhouse.compression import Decoder, decoder
from infra.embedded.clickhouse.failure import (
    QUERY_IS_TOO_LARGE,
    SOCKET_TIMEOUT,
    refusal,
)
from infra.embedded.clickhouse.native_blocks import BlockDecoder
from infra.embedded.clickhouse.query import Query
from infra.embedded.clickhouse.statement import Insert, Statement, parse

# A statement is found in the first bytes; one without data behind it may be longer, up to a bound.
HEAD_BYTES = 256 << 10
MOST_STATEMENT_BYTES = 64 << 20
PIECE_BYTES = 1 << 20
# ClickHouse's default of http_receive_timeout: a client that stalls gives its slot back.
RECEIVE_TIMEOUT_S = 30.0


def is_form(request: web.Request) -> bool:
    """Whether the body is a form, which is read in another way."""
    return request.content_type == "multipart/form-data"


class Body:
    """The statement and its data, from the parameter ``query``, a line end, and the body."""

    def __init__(self, request: web.Request, query: Query) -> None:
        encoding = request.headers.get("Content-Encoding", "")
        self._decoders: list[Decoder] = [decoder(encoding)]
        if query.decompress:
            self._decoders.append(BlockDecoder())
        self._content = request.content
        self._ended: bool = is_form(request) or not request.can_read_body
        self._seen = bytearray(query.text + b"\n" if query.text else b"")
        self._data_at = 0

    async def statement(self) -> Insert | Statement:
        """Read as far as needed and parse.

        Raises:
            ClickHouseError: the text is none, too long, or the body cannot be decompressed.
        """
        complete = await self._read_to(HEAD_BYTES)
        found = await _parse(bytes(self._seen))
        if isinstance(found, Statement) and not complete:
            if not await self._read_to(MOST_STATEMENT_BYTES):
                raise refusal(
                    QUERY_IS_TOO_LARGE,
                    "QUERY_IS_TOO_LARGE",
                    f"The query has over {MOST_STATEMENT_BYTES} bytes",
                )
            found = await _parse(bytes(self._seen))
        if isinstance(found, Insert):
            self._data_at = found.data_at
        return found

    async def data(self) -> AsyncIterator[bytes]:
        """Yield the data behind an insertion's text in pieces of about ``PIECE_BYTES``."""
        waiting = self._seen[self._data_at :]
        self._seen = bytearray()
        while not self._ended:
            waiting += await self._next()
            if len(waiting) >= PIECE_BYTES:
                yield bytes(waiting)
                waiting = bytearray()
        if waiting:
            yield bytes(waiting)

    async def _read_to(self, size: int) -> bool:
        """Read up to about a size; whether that is all there is."""
        while len(self._seen) < size and not self._ended:
            self._seen += await self._next()
        return self._ended

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout(RECEIVE_TIMEOUT_S):
                data = await self._content.readany()
        except TimeoutError as exc:
            raise refusal(
                SOCKET_TIMEOUT, "SOCKET_TIMEOUT", f"Nothing of the body arrived for {RECEIVE_TIMEOUT_S:g} s"
            ) from exc
        except ClientError as exc:
            raise ConnectionResetError(str(exc)) from exc
        if not data and self._content.at_eof():
            self._ended = True
            for stage in self._decoders:
                stage.finish()
            return b""
        for stage in self._decoders:
            data = stage.decode(data)
        return data


async def _parse(text: bytes) -> Insert | Statement:
    # Long texts are parsed aside, so that the other requests go on.
    return parse(text) if len(text) <= HEAD_BYTES else await asyncio.to_thread(parse, text)
