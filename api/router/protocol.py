"""HTTP as uvicorn reads it, with limits that it has not: how long headers may be, and what may take how long.

A client that opens connections and sends a byte now and then would otherwise keep each for ever.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.router.cycle import Cycle

ABORT = "penstock.abort"
"""Where a scope's extensions have the function that ends its connection at once, unsent bytes and all."""
_SLOW, _LARGE = b"408 Request Timeout", b"431 Request Header Fields Too Large"


class Limited(HttpToolsProtocol):
    """One connection; ``limited`` sets the limits.

    Attributes:
        header_bytes: most bytes of a request before its body.
        header_timeout_s: how long they may take, from connecting, or from their first byte.
        body_timeout_s: how long the body may take after them.
    """

    header_bytes = 1 << 16
    header_timeout_s = 10.0
    body_timeout_s = 60.0
    _in_headers = False
    """Whether the headers of a request have begun and not ended."""
    _in_body = False
    _seen = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - as uvicorn has it
        """Begin: the headers of a request have to come."""
        super().connection_made(transport)
        self._start_timer(self.header_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came, and look at what it amounts to."""
        self._seen += len(data)
        super().data_received(data)
        if self._in_headers:
            if self._seen > self.header_bytes:
                self._refuse(_LARGE)
            elif self._timer is None:
                self._start_timer(self.header_timeout_s)
            return
        self._seen = 0
        # Most requests arrive in one piece: they need no timer at all.
        if self._in_body and self._timer is None:
            self._start_timer(self.body_timeout_s)

    def on_message_begin(self) -> None:
        """See uvicorn."""
        super().on_message_begin()
        self._in_headers = True
        self.scope["extensions"] = {ABORT: {ABORT: self.transport.abort}}

    def on_headers_complete(self) -> None:
        """See uvicorn."""
        self._in_headers, self._in_body = False, True
        self._stop_timer()
        if self._seen > self.header_bytes and self._length() > self.header_bytes:
            self._refuse(_LARGE)
            return
        super().on_headers_complete()
        # uvicorn has no setting for it; nothing of the request has run yet.
        self.cycle.__class__ = Cycle

    def on_message_complete(self) -> None:
        """See uvicorn."""
        self._in_body = False
        self._stop_timer()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """See uvicorn."""
        if not self.transport.is_closing():  # what was refused above is not refused once more
            super().send_400_response(msg)

    def _length(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _start_timer(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._refuse, _SLOW)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: bytes) -> None:
        self._timer = None
        if not self.transport.is_closing():
            head = b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            self.transport.write(head)
            self.transport.close()


def limited(header_bytes: int, header_timeout_s: float, body_timeout_s: float) -> type[Limited]:
    """Return the protocol with these limits."""
    limits = {
        "header_bytes": header_bytes,
        "header_timeout_s": header_timeout_s,
        "body_timeout_s": body_timeout_s,
    }
    return type("Limited", (Limited,), limits)
