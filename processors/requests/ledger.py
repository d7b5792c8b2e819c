"""The ledger of one key: which requests are open, and when each was here.

Facts are taken in the order in which they occurred, whatever the order in which they came, so requests do
not matter to each other.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from processors.requests.facts import FINISHED, FIRST_TOKEN, MOVED, RECEIVED, ROUTED, digest
from processors.requests.state import FLEET_KEY, Counts, Fact, OpenRequest, Remembered, State

# How long folded facts are known again, and how many of a key: 49,152 are those of ten minutes at 27 requests
# a second, or of one minute at 270. A request that is open is known as long as it is open.
REMEMBER_US = 600_000_000
REMEMBER_FACTS = 49_152
# A request whose end never came is given up after this.
FORGET_REQUEST_US = 24 * 3600 * 1_000_000
_DIGEST_BYTES = 8


class Stay(NamedTuple):
    """A request from ``since`` on; ``until`` is 0 while it is open. ``counted``: an earlier fold knew it."""

    request: OpenRequest
    until: int
    counted: bool


class Ledger:
    """What a fold knows while it takes facts."""

    def __init__(self, state: State, known: set[int]) -> None:
        fleet = state.key.startswith(FLEET_KEY)
        self.open = {request.request_id: request for request in state.open}
        self._ended: list[Stay] = []
        self.digests: list[int] = []
        self.taken: list[Fact] = []
        self._counted = set(self.open)
        self._begins = RECEIVED if fleet else ROUTED
        self._progresses = ROUTED if fleet else FIRST_TOKEN
        self._counts = state.counts
        self._known = known
        self._duplicates = 0
        self._received = 0
        self._finished = 0
        self._forgotten = 0

    def take(self, fact: Fact) -> None:
        """Count a fact and let the request begin, progress or end; one that is known is a duplicate."""
        mark = digest(fact.request_id, fact.kind, fact.attempt)
        found = self.open.get(fact.request_id)
        if mark in self._known or (found is not None and self._again(found, fact)):
            self._duplicates += 1
            return
        self._known.add(mark)
        self.digests.append(mark)
        self.taken.append(fact)
        self._move(found, fact)

    def stays(self, now: int) -> list[Stay]:
        """Return every request that was here since the fold before; give up those open for too long.

        ``now`` is by arrival. What is longer than ``FORGET_REQUEST_US`` and new is no stay that can be told.
        """
        told = [stay for stay in self._ended if stay.counted or _length(stay) <= FORGET_REQUEST_US]
        for request in [one for one in self.open.values() if now - one.since > FORGET_REQUEST_US]:
            del self.open[request.request_id]
            self._forgotten += 1
        return told + [
            Stay(request, 0, request_id in self._counted) for request_id, request in self.open.items()
        ]

    def counts(self) -> Counts:
        """Return the counts after this fold."""
        before = self._counts
        return Counts(
            before.received + self._received,
            before.finished + self._finished,
            before.forgotten + self._forgotten,
            before.duplicates + self._duplicates,
        )

    def _again(self, found: OpenRequest, fact: Fact) -> bool:
        """Return whether an open request tells that the fact was folded longer ago than is remembered."""
        if fact.kind == self._begins == RECEIVED:
            return True
        if fact.kind == ROUTED:
            return fact.attempt <= found.attempt
        return fact.kind == self._progresses and bool(found.progressed_at)

    def _move(self, found: OpenRequest | None, fact: Fact) -> None:
        kind = fact.kind
        if kind == RECEIVED:
            self._received += 1
        if kind in (FINISHED, MOVED):
            self._finished += kind == FINISHED
            if found is not None:
                del self.open[fact.request_id]
                self._ended.append(Stay(found, fact.occurred_at, fact.request_id in self._counted))
                # It may come back, and that is a stay of its own.
                self._counted.discard(fact.request_id)
        elif found is None:
            if kind == self._begins and not self._over(fact):
                self.open[fact.request_id] = OpenRequest(
                    fact.request_id, fact.fleet, fact.model, fact.occurred_at, 0, fact.attempt
                )
        else:
            progressed_at = found.progressed_at or (fact.occurred_at if kind == self._progresses else 0)
            attempt = max(found.attempt, fact.attempt)
            self.open[fact.request_id] = found._replace(progressed_at=progressed_at, attempt=attempt)

    def _over(self, fact: Fact) -> bool:
        """Return whether the end of this stay was folded before its beginning came."""
        moved = digest(fact.request_id, MOVED, fact.attempt + 1)
        return digest(fact.request_id, FINISHED, 0) in self._known or moved in self._known


def _length(stay: Stay) -> int:
    return stay.until - stay.request.since


def known_among(remembered: Iterable[Remembered], facts: Sequence[Fact]) -> set[int]:
    """Return the digests that are remembered of the requests of these facts."""
    asked = {digest(fact.request_id, fact.kind, fact.attempt) for fact in facts}
    for fact in facts:
        if fact.kind in (RECEIVED, ROUTED):
            asked.add(digest(fact.request_id, FINISHED, 0))
            asked.add(digest(fact.request_id, MOVED, fact.attempt + 1))
    known: set[int] = set()
    for chunk in remembered:
        known |= asked.intersection(struct.unpack(f"<{len(chunk.digests) // _DIGEST_BYTES}q", chunk.digests))
    return known


def remember(before: tuple[Remembered, ...], digests: Sequence[int], now: int) -> tuple[Remembered, ...]:
    """Return what is remembered after a fold at ``now`` (of arrival); the oldest goes first."""
    after = (
        (*before, Remembered(now, struct.pack(f"<{len(digests)}q", *sorted(digests)))) if digests else before
    )
    held = 0
    for place in range(len(after) - 1, -1, -1):
        held += len(after[place].digests) // _DIGEST_BYTES
        # The newest is kept whatever its size: it is what a crash just now would deliver again.
        if now - after[place].folded_at > REMEMBER_US or (held > REMEMBER_FACTS and place < len(after) - 1):
            return after[place + 1 :]
    return after
