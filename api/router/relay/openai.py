"""From an upstream of OpenAI's dialect to a client of it: the bytes as they are."""

import re

from api.router.reading import Reading
from api.router.relay import sse
from api.router.relay.relay import BrokenAnswerError, Events

# A quote inside a JSON text has a backslash before it, so these are found as names alone.
_NOTEWORTHY = re.compile(rb'"usage"\s*:\s*\{|"finish_reason"\s*:\s*"|"error"\s*:|\[DONE\]')


class OpenAIRelay:
    """Passes events on, and reads those that matter.

    ``hide_usage``: the usage was asked for by the router, not by the client, who is not shown its chunk.
    """

    __slots__ = ("_done", "_events", "_hide_usage", "reading")

    def __init__(self, *, hide_usage: bool) -> None:
        self.reading = Reading()
        self._hide_usage = hide_usage
        self._events = Events(lines=False)
        self._done = False

    def feed(self, piece: bytes) -> bytes:
        """See ``Relay``."""
        events = self._events.feed(piece)
        if events and (not self.reading.first or _NOTEWORTHY.search(events)):
            return self._read(events)
        return events

    def end(self) -> bytes:
        """See ``Relay``. A stream that ended after its finish reason is whole; some never say [DONE]."""
        last = self._last()
        if self._done:
            return last
        if not self.reading.finish_reason:
            raise BrokenAnswerError("the upstream broke off in the middle of its answer")
        self.reading.complete = True
        return last + sse.DONE

    def _last(self) -> bytes:
        """Return an event that only lacks its empty line; half an event is none."""
        rest = self._events.rest().strip()
        if not rest:
            return b""
        try:
            return self._read(rest + b"\n\n")
        except BrokenAnswerError:
            raise BrokenAnswerError("the upstream broke off in the middle of its answer") from None

    def _read(self, events: bytes) -> bytes:
        hidden = False
        kept: list[bytes] = []
        for event, payload in sse.payloads(events):
            if payload == b"[DONE]":
                self._done = self.reading.complete = True
            elif payload:
                found = sse.parsed(payload)
                self.reading.openai(found)
                if self.reading.error:  # it goes out as the router's own
                    return b"".join(kept)
                if self._hide_usage and found.get("usage") and not found.get("choices"):
                    hidden = True
                    continue
            kept.append(event)
        return b"".join(kept) if hidden else events
