"""Moments that another process may still need: those of requests that are open, or not written down yet.

Should that process end without warning, the next one is told all of them again, and nothing is missing.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from api.router.lifecycle.moments import Ended, Moment, Received
from api.router.lifecycle.wire import packed

_AT_ONCE = 500
"""Requests told again in one message."""


class Parcel(NamedTuple):
    """Moments that go together; ``number`` counts from 1."""

    number: int
    lines: list[bytes]


class _Sent(NamedTuple):
    number: int
    moments: int
    ended: Sequence[str]


class Kept:
    """What was taken, by request, until all of it is written down."""

    def __init__(self) -> None:
        self._open: dict[str, list[bytes]] = {}
        self._sent: deque[_Sent] = deque()
        self._number = 0
        self.waiting = 0
        """Moments that are not written down."""

    def __len__(self) -> int:
        return len(self._open)

    @property
    def ids(self) -> Sequence[str]:
        """The requests of which there is something."""
        return list(self._open)

    def take(self, moments: Iterable[Moment]) -> Parcel:
        """Return what is to be sent; moments of requests that were not received are left out."""
        lines, ended = [], []
        for moment in moments:
            found = self._open.get(moment.request_id)
            if found is None:
                if not isinstance(moment, Received):
                    continue
                found = self._open[moment.request_id] = []
            line = packed(moment)
            found.append(line)
            lines.append(line)
            if isinstance(moment, Ended):
                ended.append(moment.request_id)
        return self._parcel(lines, ended)

    def written(self, number: int) -> None:
        """Hear that parcels up to this one are written down."""
        while self._sent and self._sent[0].number <= number:
            _, moments, ended = self._sent.popleft()
            self.waiting -= moments
            for request_id in ended:
                self._open.pop(request_id, None)

    def again(self) -> Iterator[Parcel]:
        """Yield everything once more, for a process that knows nothing of it."""
        over = {request_id for sent in self._sent for request_id in sent.ended}
        self._sent.clear()
        self.waiting = 0
        ids = list(self._open)
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            lines = [line for request_id in some for line in self._open[request_id]]
            yield self._parcel(lines, [request_id for request_id in some if request_id in over])

    def _parcel(self, lines: list[bytes], ended: Sequence[str]) -> Parcel:
        self._number += 1
        self._sent.append(_Sent(self._number, len(lines), ended))
        self.waiting += len(lines)
        return Parcel(self._number, lines)
