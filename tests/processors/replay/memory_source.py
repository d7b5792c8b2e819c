"""A source that is a list, for tests of what reads from one."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from processors.replay.source import Gap, Span
from schemas.codec import Codec
from schemas.log_file import LogRecord
from schemas.topics import Topic


class MemorySource:
    """Records as they are, in the order of time. ``reads``: since when it was read, each time."""

    name = "a list"

    def __init__(self, codec: Codec, records: Sequence[LogRecord]) -> None:
        self._codec = codec
        self._records = sorted(
            records, key=lambda one: (one.arrived_at, one.topic, one.partition, one.offset)
        )
        self.reads: list[int] = []

    def codec(self) -> Codec:
        return self._codec

    def holds(self, topics: Sequence[Topic]) -> Mapping[str, Span]:
        found = {}
        for topic in topics:
            times = [one.arrived_at for one in self._records if one.topic == topic.name]
            if times:
                found[topic.name] = Span(min(times), max(times), len(times))
        return found

    def read(
        self,
        topics: Sequence[Topic],
        since: int,
        until: int,
        keys: Collection[str] = (),
        partitions: Collection[int] = (),
    ) -> Iterator[LogRecord]:
        self.reads.append(since)
        names = {topic.name for topic in topics}
        for one in self._records:
            wanted = not keys or one.key is None or one.key in keys
            placed = not partitions or one.partition in partitions
            if one.topic in names and since <= one.arrived_at < until and wanted and placed:
                yield one

    def gaps(self) -> Sequence[Gap]:
        return ()
