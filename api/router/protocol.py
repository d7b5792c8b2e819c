"""HTTP as uvicorn reads it, with limits that it has not: how long headers may be, and how long they may take.

A client that opens connections and sends its headers a byte at a time would otherwise keep each for ever.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

ABORT = "penstock.abort"
"""Where a scope's extensions have the function that ends its connection at once, unsent bytes and all."""


def limited(header_bytes: int, header_timeout_s: float) -> type[asyncio.Protocol]:
    """Return the protocol.

    Args:
        header_bytes: most bytes of a request before its body.
        header_timeout_s: how long they may take, from connecting, or from their first byte.
    """

    class Limited(HttpToolsProtocol):
        _within = False
        """Whether the headers of a request have begun and not ended."""
        _seen = 0
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - as uvicorn has it
            super().connection_made(transport)
            self._timer = self.loop.call_later(header_timeout_s, self._too_late)

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_timer()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            self._seen += len(data)
            super().data_received(data)
            if not self._within:
                self._seen = 0
            elif self._seen > header_bytes:
                self._refuse(b"431 Request Header Fields Too Large")
            elif self._timer is None:
                self._timer = self.loop.call_later(header_timeout_s, self._too_late)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._within = True
            self.scope["extensions"] = {ABORT: {ABORT: self.transport.abort}}

        def on_headers_complete(self) -> None:
            self._within = False
            self._stop_timer()
            if self._seen > header_bytes and self._length() > header_bytes:
                self._refuse(b"431 Request Header Fields Too Large")
                return
            super().on_headers_complete()

        def send_400_response(self, msg: str) -> None:
            if not self.transport.is_closing():  # what was refused above is not refused once more
                super().send_400_response(msg)

        def _length(self) -> int:
            return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

        def _stop_timer(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _too_late(self) -> None:
            self._refuse(b"408 Request Timeout")

        def _refuse(self, status: bytes) -> None:
            self._timer = None
            if not self.transport.is_closing():
                head = b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                self.transport.write(head)
                self.transport.close()

    return Limited
