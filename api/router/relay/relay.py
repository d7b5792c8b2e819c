"""What every relay does, and how pieces of a stream become events."""

from typing import Protocol

from api.router.reading import Reading

MOST_EVENT_BYTES = 16 << 20
"""Longest event of a stream; images and long tool calls come in one."""


class BrokenAnswerError(Exception):
    """The upstream's answer cannot be what it says it is; the text is one sentence."""

    @property
    def own(self) -> str:
        """The same in words of the router alone, as facts may have it: an upstream may repeat a prompt."""
        return str(self)


class UpstreamSaidError(BrokenAnswerError):
    """The answer is an error, or ends in one; the text is the upstream's."""

    @property
    def own(self) -> str:
        """See ``BrokenAnswerError``."""
        return "the upstream put an error into its answer"


class Relay(Protocol):
    """One answer. Only whole events go out, so that an error can follow any of them."""

    reading: Reading

    def feed(self, piece: bytes) -> bytes:
        """Take what came from the upstream, and return what goes to the client, which may be nothing.

        Raises:
            BrokenAnswerError: it is not what an upstream of its kind sends.
        """

    def end(self) -> bytes:
        """The upstream has ended the stream; return what is still due to the client.

        Raises:
            BrokenAnswerError: it ended before the answer did.
        """


class Events:
    """Cuts a stream into whole events.

    ``separator`` is what ends one: an empty line between events, or the end of a line.
    """

    __slots__ = ("_lines", "_rest")

    def __init__(self, *, lines: bool) -> None:
        self._lines = lines
        self._rest = b""

    def feed(self, piece: bytes) -> bytes:
        """Return all that is whole, the separators included; the rest waits for more.

        Raises:
            BrokenAnswerError: an event has no end.
        """
        if self._rest:
            piece = self._rest + piece
        if piece.endswith(b"\n" if self._lines else b"\n\n"):
            self._rest = b""
            return piece
        cut = self._cut(piece)
        self._rest = piece[cut:]
        if len(self._rest) > MOST_EVENT_BYTES:
            raise BrokenAnswerError(f"the upstream sent an event of more than {MOST_EVENT_BYTES} bytes")
        return piece[:cut]

    def rest(self) -> bytes:
        """Return what came after the last separator."""
        return self._rest

    def _cut(self, piece: bytes) -> int:
        if self._lines:
            return piece.rfind(b"\n") + 1
        plain, carriage = piece.rfind(b"\n\n"), piece.rfind(b"\r\n\r\n")
        return max(plain + 2 if plain >= 0 else 0, carriage + 4 if carriage >= 0 else 0)
