"""As little HTTP/1.1 as the ends of a benchmark need, so that they are never what limits it."""

from collections.abc import Iterator

_END = b"\r\n\r\n"


class Messages:
    """Cuts what arrives into messages: the head, and a body by its length or in chunks."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the head and the body of each message that is whole; chunks stay as they are framed."""
        self._buffer += data
        while (cut := self._buffer.find(_END)) >= 0:
            head, rest = self._buffer[:cut], self._buffer[cut + 4 :]
            size = _length(head, rest)
            if size is None or len(rest) < size:
                return
            self._buffer = rest[size:]
            yield head, rest[:size]


def _length(head: bytes, rest: bytes) -> int | None:
    """Return the bytes of a body; None while its last chunk is not there."""
    lowered = head.lower()
    at = lowered.find(b"content-length:")
    if at >= 0:
        return int(lowered[at + 15 : (lowered + b"\r\n").find(b"\r\n", at)])
    if b"transfer-encoding: chunked" not in lowered:
        return 0
    end = rest.find(b"0\r\n\r\n") if rest.startswith(b"0\r\n\r\n") else rest.find(b"\r\n0\r\n\r\n")
    if end < 0:
        return None
    return end + (5 if end == 0 and rest.startswith(b"0\r\n\r\n") else 7)


def answer(body: bytes, content_type: bytes = b"application/json") -> bytes:
    """Return an answer in one piece."""
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: " + content_type
        + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    )  # fmt: skip


def chunk(body: bytes) -> bytes:
    """Return a chunk."""
    return b"%x\r\n%b\r\n" % (len(body), body)
