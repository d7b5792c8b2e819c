"""What an earlier run left in its journal: facts that may not have arrived, requests that stayed open."""

import logging
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from api.router.lifecycle.lives import DIED, Lives
from api.router.lifecycle.records import WILL, Batch, Entry, batches, entry, event_of
from schemas.errors import DecodeError

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Leftover:
    """What the next run has to tell.

    Attributes:
        facts: that may not have arrived, in order; some of them may have.
        closings: the ends of the requests that were left open.
        damaged: segments whose end could not be read, and records of them.
    """

    facts: list[Entry] = field(default_factory=list)
    closings: list[Entry] = field(default_factory=list)
    damaged: int = 0


class _Reader:
    """Folds batches in the order in which they were written."""

    def __init__(self, lives: Lives) -> None:
        self.lives = lives
        self.waiting: deque[tuple[int, Entry]] = deque()
        self.last_us = 0
        self.damaged = 0

    def take(self, batch: Batch) -> None:
        """Take in a batch."""
        if batch.fresh:
            self.waiting.clear()
            for _ in self.lives.end_all(0.0, 0, ""):
                pass  # the batch itself tells their ends
        self.last_us = max(self.last_us, batch.at_us)
        number = batch.first
        for kind, version, body in batch.records:
            if self._record(number, kind, version, body):
                number += 1
        while self.waiting and self.waiting[0][0] < batch.settled:
            self.waiting.popleft()

    def _record(self, number: int, kind: int, version: int, body: bytes) -> bool:
        """Take in a record, and tell whether it is one of the numbered facts."""
        try:
            event, newest = event_of(kind, version, body)
        except (DecodeError, IndexError) as exc:
            self.damaged += 1
            logger.error("a fact in the journal cannot be read: %s", exc)
            return kind != WILL
        self.lives.replay(event, will=kind == WILL)
        if kind == WILL:
            return False
        self.last_us = max(self.last_us, event.occurred_at)
        self.waiting.append((number, Entry(kind, event.request_id, newest)))
        return True


def recover(segments: Iterable[bytes], lives: Lives, again: Collection[str] = ()) -> Leftover:
    """Return what is left over in the segments of a journal, the oldest first.

    A request that was open ended when its router did: at the latest time that the journal has. Those of
    ``again`` go on: all of them is told again, and nothing of them is left over.
    """
    reader = _Reader(lives)
    for content in segments:
        whole_until = 0
        for batch, ends in batches(content):
            reader.take(batch)
            whole_until = ends
        reader.damaged += whole_until < len(content)
    died_us = reader.last_us
    ended = lives.end_all(died_us / 1e6, died_us, DIED)
    closings = [entry(event) for event in ended if event.request_id not in again]
    facts = [fact for _, fact in reader.waiting if fact.key not in again]
    return Leftover(facts, closings, reader.damaged)
