"""One request of HTTP and its answer, as uvicorn has them, in fewer steps.

The start of an answer goes out with its first piece: one write to the client in place of two, each of which
takes as long as all that the router thinks of. What is checked of headers is checked of all of them at once.
"""

from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

_BODILESS = frozenset({204, 304})


class Cycle(RequestResponseCycle):
    """See uvicorn; there is no access log here."""

    _head = b""
    """The start of the answer, until its first piece comes."""

    async def send(self, message: Any) -> None:  # noqa: ANN401 - as uvicorn has it
        """See ASGI."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if not self.response_started:
            if kind != "http.response.start":
                raise RuntimeError(f"an answer begins with http.response.start, not with {kind}")
            self._head = self._begun(message["status"], message.get("headers", ()))
            self.response_started, self.waiting_for_100_continue = True, False
        elif self.response_complete or kind != "http.response.body":
            raise RuntimeError(f"a {kind} comes where none may")
        else:
            self._pass_on(message.get("body", b""), more=message.get("more_body", False))

    def _begun(self, status: int, told: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return the start of an answer."""
        headers = [*self.default_headers, *told]
        names = [name.lower() for name, _ in headers]
        values = [value for _, value in headers]
        if HEADER_RE.search(b"".join(names)) or HEADER_VALUE_RE.search(b"".join(values)):
            raise RuntimeError("a header of the answer has bytes that none may have")
        lines = [STATUS_LINE[status], *[b"%b: %b\r\n" % pair for pair in zip(names, values, strict=True)]]
        lines += self._framed(status, names, values)
        lines.append(b"\r\n")
        return b"".join(lines)

    def _framed(self, status: int, names: list[bytes], values: list[bytes]) -> Iterable[bytes]:
        """Take in how long the answer is and whether the connection stays; yield what is to be said of it."""
        if b"content-length" in names:
            self.chunked_encoding = False
            self.expected_content_length = int(values[names.index(b"content-length")])
        if b"transfer-encoding" in names and values[names.index(b"transfer-encoding")].lower() == b"chunked":
            self.chunked_encoding = True
            self.expected_content_length = 0
        closes = b"connection" in names and _closes(values[names.index(b"connection")])
        if closes:
            self.keep_alive = False
        elif not self.keep_alive:
            yield b"connection: close\r\n"
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in _BODILESS:
            self.chunked_encoding = True
            yield b"transfer-encoding: chunked\r\n"

    def _pass_on(self, body: bytes, *, more: bool) -> None:
        """Write a piece of the answer, behind its start where that has not gone yet."""
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
            written = self._head
        elif self.chunked_encoding:
            written = self._head
            if body:
                written += b"%x\r\n%b\r\n" % (len(body), body)
            if not more:
                written += b"0\r\n\r\n"
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise RuntimeError("the answer is longer than its content-length")
            written = self._head + body
        self._head = b""
        if written:
            self.transport.write(written)
        if not more:
            self._complete()

    def _complete(self) -> None:
        if self.expected_content_length:
            raise RuntimeError("the answer is shorter than its content-length")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


def _closes(connection: bytes) -> bool:
    return b"close" in [token.strip() for token in connection.lower().split(b",")]
