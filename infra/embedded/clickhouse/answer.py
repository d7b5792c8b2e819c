"""What goes back: ClickHouse's headers, the summary, compression, and errors before or within an answer."""

import asyncio
import json
from dataclasses import dataclass

from aiohttp import web

from infra.embedded.clickhouse.compression import Encoder, PlainEncoder, encoder
from infra.embedded.clickhouse.engine import Outcome
from infra.embedded.clickhouse.failure import ClickHouseError
from infra.embedded.clickhouse.native_blocks import BlockEncoder
from infra.embedded.clickhouse.query import Query, exception_tag
from infra.embedded.clickhouse.store import Store

# Larger pieces are compressed aside, so that the other requests go on.
_ASIDE_BYTES = 32 << 10


def summary(outcome: Outcome | None) -> str:
    """Return the X-ClickHouse-Summary header; numbers are texts there. None: nothing is known yet."""
    known = outcome or Outcome()
    return json.dumps(
        {
            "read_rows": str(known.read_rows),
            "read_bytes": str(known.read_bytes),
            "written_rows": str(known.written_rows),
            "written_bytes": str(known.written_bytes),
            "total_rows_to_read": str(known.read_rows),
            "result_rows": str(known.result_rows),
            "result_bytes": str(known.result_bytes),
            "elapsed_ns": str(int(known.elapsed_s * 1e9)),
        },
        separators=(",", ":"),
    )


class Answer:
    """The answer to one request in one format."""

    def __init__(self, store: Store, query: Query, fmt: str) -> None:
        self._encoder: Encoder = PlainEncoder()
        self.headers = {
            "X-ClickHouse-Query-Id": query.query_id,
            "X-ClickHouse-Format": fmt,
            "X-ClickHouse-Timezone": query.settings.get("session_timezone") or store.timezone,
            "X-ClickHouse-Server-Display-Name": store.display_name,
            "Content-Type": store.content_type(fmt) or "text/plain; charset=UTF-8",
        }
        self._choose_encoder(query)

    def _choose_encoder(self, query: Query) -> None:
        chosen = encoder(query.accept_encoding) if query.http_compression else None
        if query.compress:
            self._encoder = BlockEncoder()
        elif chosen is not None:
            self.headers["Content-Encoding"], self._encoder = chosen

    async def whole(self, data: bytes, outcome: Outcome) -> web.Response:
        """Return all of it at once, with its real summary."""
        body = await self._encoded(data) + self._encoder.finish()
        return web.Response(body=body, headers=self.headers | {"X-ClickHouse-Summary": summary(outcome)})

    async def begin(self, request: web.Request, outcome: Outcome | None = None) -> web.StreamResponse:
        """Send the headers of a long answer; ``outcome`` is None where its end is not known yet."""
        self.tag = exception_tag()
        marks = {"X-ClickHouse-Summary": summary(outcome), "X-ClickHouse-Exception-Tag": self.tag}
        response = web.StreamResponse(headers=self.headers | marks)
        response.enable_chunked_encoding()
        await response.prepare(request)
        request[BEGUN] = Begun(self, response)
        return response

    async def send(self, response: web.StreamResponse, data: bytes) -> None:
        """Send the next piece; waits while the client is slow."""
        encoded = await self._encoded(data)
        if encoded:
            await response.write(encoded)

    async def end(self, response: web.StreamResponse) -> None:
        """Send what the compression still holds."""
        rest = self._encoder.finish()
        if rest:
            await response.write(rest)

    async def break_off(
        self, request: web.Request, response: web.StreamResponse, error: ClickHouseError
    ) -> None:
        """Say within the stream what went wrong, then close without an end: no client takes it for whole."""
        message = f"{error}\n"
        text = f"\r\n__exception__\r\n{self.tag}\r\n{message}{len(message)} {self.tag}\r\n__exception__\r\n"
        await self.send(response, text.encode())
        await self.end(response)
        if request.transport is not None:
            request.transport.close()

    async def _encoded(self, data: bytes) -> bytes:
        if isinstance(self._encoder, PlainEncoder) or len(data) < _ASIDE_BYTES:
            return self._encoder.encode(data)
        return await asyncio.to_thread(self._encoder.encode, data)


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer of which the first byte is sent: an error can then only break it off."""

    answer: Answer
    response: web.StreamResponse


BEGUN: web.RequestKey[Begun] = web.RequestKey("begun", Begun)


def failed(error: ClickHouseError, query_id: str) -> web.Response:
    """Return an error that came before the first byte of an answer."""
    headers = {
        "X-ClickHouse-Exception-Code": str(error.code),
        "Content-Type": "text/plain; charset=UTF-8",
    }
    if query_id:
        headers["X-ClickHouse-Query-Id"] = query_id
    return web.Response(status=error.status, body=f"{error}\n".encode(), headers=headers)
