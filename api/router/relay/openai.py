"""From an upstream of OpenAI's dialect to a client of it: the bytes as they are."""

from api.router.reading import Reading
from api.router.relay import sse
from api.router.relay.relay import BrokenAnswerError, Events

# A quote inside a JSON text has a backslash before it, so these are found as names alone.
_GOES_ON, _GOES_ON_SPACED = b'"finish_reason":null', b'"finish_reason": null'


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
        return self._read(events) if events else events

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
        """Return the events that go on, which are most often all, as they came."""
        separator, reading = sse.separator(events), self.reading
        parts = events.split(separator)
        hidden: set[int] = set()
        for place, event in enumerate(parts):
            if not event or (reading.first and _is_plain(event)):
                continue
            if not self._read_one(event):
                hidden.add(place)
            if reading.error:  # it goes out as the router's own
                parts[place:] = [b""]
                return separator.join(parts)
        if not hidden:
            return events
        return separator.join(event for place, event in enumerate(parts) if place not in hidden)

    def _read_one(self, event: bytes) -> bool:
        """Read an event, and tell whether the client is to have it."""
        payload = sse.data(event)
        if payload == b"[DONE]":
            self._done = self.reading.complete = True
        elif payload:
            found = sse.parsed(payload)
            self.reading.openai(found)
            return not (self._hide_usage and found.get("usage") and not found.get("choices"))
        return True


def _is_plain(event: bytes) -> bool:
    """Tell what most events are, in as few steps as can be: a token after the first one, and nothing else."""
    goes_on = _GOES_ON in event or _GOES_ON_SPACED in event
    return goes_on and b'"usage"' not in event and b'"error"' not in event
