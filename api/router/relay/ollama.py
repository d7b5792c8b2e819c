"""From an upstream of Ollama's dialect to a client of it: the lines as they are."""

import re
from typing import Any

import orjson

from api.router.reading import Reading
from api.router.relay.relay import BrokenAnswerError, Events

_NOTEWORTHY = re.compile(rb'"done"\s*:\s*true|"error"\s*:')


class OllamaRelay:
    """Passes lines on, and reads those that matter."""

    __slots__ = ("_events", "reading")

    def __init__(self) -> None:
        self.reading = Reading()
        self._events = Events(lines=True)

    def feed(self, piece: bytes) -> bytes:
        """See ``Relay``."""
        lines = self._events.feed(piece)
        if lines and (not self.reading.first or _NOTEWORTHY.search(lines)):
            return self._read(lines)
        return lines

    def end(self) -> bytes:
        """See ``Relay``."""
        rest = self._events.rest().strip()
        if rest and rest.endswith(b"}"):
            self.reading.ollama(parsed(rest))
        if not self.reading.complete:
            raise BrokenAnswerError("the upstream broke off in the middle of its answer")
        return rest + b"\n" if rest else b""

    def _read(self, lines: bytes) -> bytes:
        kept: list[bytes] = []
        for line in lines.split(b"\n"):
            if line.strip():
                if not self.reading.first or _NOTEWORTHY.search(line):
                    self.reading.ollama(parsed(line))
                if self.reading.error:  # it goes out as the router's own
                    return b"".join(kept)
                kept.append(line + b"\n")
        return lines


def parsed(line: bytes) -> dict[str, Any]:
    """Return the JSON of a line.

    Raises:
        BrokenAnswerError: it is none, or no object.
    """
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise BrokenAnswerError("the upstream sent a line that is not JSON") from None
    if not isinstance(found, dict):
        raise BrokenAnswerError("the upstream sent a line that is no JSON object")
    return found
