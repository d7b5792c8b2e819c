"""One source and then another: ``event_log`` as far as it goes, and Kafka for what is newer."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from processors.replay.source import FOREVER, UNKNOWN, Gap, Source, Span
from schemas.codec import Codec
from schemas.log_file import LogRecord
from schemas.topics import NODES, SNAPSHOTS, TOPICS, Topic

# The sink writes partitions one after the other: what is this much older than its newest is all there.
BEHIND_US = 10_000_000


class Followed:
    """``older`` until a moment that it surely holds, ``newer`` from there on. Both are of the same log."""

    def __init__(self, older: Source, newer: Source) -> None:
        self._older = older
        self._newer = newer
        marked = [topic for topic in TOPICS if topic.stored and topic not in (NODES, SNAPSHOTS)]
        held = older.holds(marked)
        # A topic that tells the time stands still when the sink does; others may have nothing to tell.
        ticking = [held[topic.name].last_at for topic in marked if topic.ticks and topic.name in held]
        self._cut = min(ticking, default=0) - BEHIND_US

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self._older.name}, then {self._newer.name}"

    def codec(self) -> Codec:
        """Return the codec of the older; both have one registry."""
        return self._older.codec()

    def holds(self, topics: Sequence[Topic]) -> Mapping[str, Span]:
        """Return what there is of each topic in either."""
        found = dict(self._older.holds(topics))
        for name, newer in self._newer.holds(topics).items():
            older = found.get(name, newer)
            found[name] = Span(
                min(older.first_at, newer.first_at),
                max(older.last_at, newer.last_at),
                UNKNOWN,
                max(older.partitions, newer.partitions),
            )
        return found

    def read(
        self,
        topics: Sequence[Topic],
        since: int,
        until: int,
        keys: Collection[str] = (),
        partitions: Collection[int] = (),
    ) -> Iterator[LogRecord]:
        """Yield the records of a range, in the order of a replay; see ``Source``."""
        if since < self._cut:
            yield from self._older.read(topics, since, min(until, self._cut), keys, partitions)
        if until > self._cut:
            yield from self._newer.read(topics, max(since, self._cut), min(until, FOREVER), keys, partitions)

    def gaps(self) -> Sequence[Gap]:
        """Return the gaps of the older: what Kafka no longer has is there."""
        return self._older.gaps()
