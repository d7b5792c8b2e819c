"""What a router and the process that tells its facts say to each other, over a pair of sockets.

A message is its length and a tuple of plain values, the first of which is its name. Both ends are the same
program, so ``marshal`` does: it is the fastest way there is, and loads nothing but values.
"""

import asyncio
import marshal
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from api.router.lifecycle.decision import Explanation
from api.router.lifecycle.moments import Ended, Failed, FirstToken, Moment, Received, Sent, Went
from api.router.scoring.evidence import Evidence, from_plain
from schemas.events.request_routed import Candidate, Signal

Message = tuple[Any, ...]

_PLAIN = 2
"""A version of marshal that does not look for values that come twice: it is twice as fast."""
_LENGTH = struct.Struct(">I")
_KINDS: tuple[type[Moment], ...] = (Received, Went, Sent, Failed, FirstToken, Ended)
_KIND_OF = {kind: number for number, kind in enumerate(_KINDS)}
_SENT = _KIND_OF[Sent]
_new: Any = tuple.__new__  # a named tuple of values that are in order already


class Wire(asyncio.Protocol):
    """One end. ``heard`` gets each message, ``lost`` is called when the other end has gone."""

    def __init__(self, heard: Callable[[Message], None], lost: Callable[[], None]) -> None:
        self._heard = heard
        self._lost = lost
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._lost()

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        buffer = self._buffer + data if self._buffer else data
        position = 0
        while position + _LENGTH.size <= len(buffer):
            (length,) = _LENGTH.unpack_from(buffer, position)
            begin, end = position + _LENGTH.size, position + _LENGTH.size + length
            if end > len(buffer):
                break
            self._heard(marshal.loads(buffer[begin:end]))
            position = end
        self._buffer = buffer[position:]

    def say(self, *message: Any) -> None:  # noqa: ANN401 - whatever marshal can write
        """Send a message; one that nobody hears any more is dropped."""
        if self._transport is not None and not self._transport.is_closing():
            body = marshal.dumps(message, _PLAIN)
            self._transport.write(_LENGTH.pack(len(body)) + body)

    def close(self) -> None:
        """End the connection; what was said still goes."""
        if self._transport is not None:
            self._transport.close()


def packed(moment: Moment) -> bytes:
    """Return a moment as bytes."""
    line: tuple[Any, ...] = (_KIND_OF[type(moment)], *moment)
    if isinstance(moment, Sent):
        why = moment.why
        line = (*line[:-1], (1, why.plain()) if isinstance(why, Evidence) else (0, _plain(why)))
    try:
        return marshal.dumps(line, _PLAIN)
    except ValueError:  # marshal has no classes made from str, int or tuple
        return marshal.dumps(_exact(line), _PLAIN)


def unpacked(line: bytes) -> Moment:
    """Return what ``packed`` was given."""
    told = marshal.loads(line)
    kind, values = told[0], told[1:]
    if kind == _SENT:
        is_evidence, why = values[-1]
        values = (*values[:-1], from_plain(why) if is_evidence else _explanation(why))
    found: Moment = _new(_KINDS[kind], values)
    return found


def _plain(why: Explanation) -> tuple[Any, ...]:
    """Return an explanation as tuples, which marshal can write."""
    *others, candidates, places = why
    return (*others, [(*one[:-1], tuple(map(tuple, one.signals))) for one in candidates], places)


def _explanation(why: Sequence[Any]) -> Explanation:
    *others, candidates, places = why
    found: Explanation = _new(Explanation, (*others, tuple(map(_candidate, candidates)), places))
    return found


def _candidate(line: Sequence[Any]) -> Candidate:
    *values, signals = line
    found: Candidate = _new(Candidate, (*values, tuple([_new(Signal, signal) for signal in signals])))
    return found


def _exact(value: Any) -> Any:  # noqa: ANN401 - whatever a moment is made of
    """Return a value whose parts are of the plain types themselves."""
    if isinstance(value, str):
        return str.__str__(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, Mapping):
        return {_exact(key): _exact(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(_exact, value))
    return str(value)
