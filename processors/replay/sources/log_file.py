"""A log file as a source: what ``penstock simulate --out log`` and ``penstock replay --into FILE`` write."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from processors.replay.merge import in_order
from processors.replay.source import Gap, Span
from schemas.codec import Codec
from schemas.log_file import LogFile, LogRecord
from schemas.topics import Topic

# Keys that begin so are words of ours, as of watermarks in a compacted topic: they are about no one node.
OURS = "~"


class LogFileSource:
    """A file, read from its beginning each time; ``read`` stops at the end of the range."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with LogFile.open(path) as file:
            self._codec = file.codec()
            self.about = file.about
        self._spans: Mapping[str, Span] | None = None
        self._gaps: list[Gap] = []

    @property
    def name(self) -> str:
        """Name of the file."""
        return str(self._path)

    def codec(self) -> Codec:
        """Return a codec of the schemas that the file brings along."""
        return self._codec

    def holds(self, topics: Sequence[Topic]) -> Mapping[str, Span]:
        """Return what there is of each topic; the whole file is read for it, once."""
        if self._spans is None:
            self._spans = self._found()
        names = {topic.name for topic in topics}
        return {name: span for name, span in self._spans.items() if name in names}

    def read(
        self,
        topics: Sequence[Topic],
        since: int,
        until: int,
        keys: Collection[str] = (),
        partitions: Collection[int] = (),
    ) -> Iterator[LogRecord]:
        """Yield the records of a range, in the order of a replay; see ``Source``.

        Raises:
            DecodeError: the file is damaged or cut off. What came before has been yielded.
        """
        kept = Kept(topics, keys, partitions)
        with LogFile.open(self._path) as file:
            yield from in_order(_range(file, since, until, kept))

    def gaps(self) -> Sequence[Gap]:
        """Return offsets that the file leaves out; known once ``holds`` has been asked."""
        return tuple(self._gaps)

    def _found(self) -> Mapping[str, Span]:
        spans: dict[str, Span] = {}
        nexts: dict[tuple[str, int], int] = {}
        spread = int(self.about.get("partitions", 1))
        with LogFile.open(self._path) as file:
            for record in file:
                place = record.topic, record.partition
                due = nexts.get(place, record.offset)
                if record.offset > due:
                    why = "missing in the file"
                    self._gaps.append(Gap(record.topic, record.partition, due, record.offset - 1, why))
                nexts[place] = record.offset + 1
                before = spans.get(record.topic)
                if before is None:
                    before = Span(record.arrived_at, record.arrived_at, 0)
                last_at = max(before.last_at, record.arrived_at)
                spans[record.topic] = Span(before.first_at, last_at, before.records + 1)
        return {topic: span._replace(partitions=spread) for topic, span in spans.items()}


class Kept:
    """Which records a reading keeps; see ``Source.read``."""

    def __init__(self, topics: Sequence[Topic], keys: Collection[str], partitions: Collection[int]) -> None:
        self._topics = {topic.name for topic in topics}
        self._of_nodes = {topic.name for topic in topics if topic.key == "node_id"}
        self._keys = frozenset(keys)
        self._partitions = frozenset(partitions)

    def wants(self, record: LogRecord) -> bool:
        """Return whether a record is of the topics, keys and partitions that were asked for."""
        if record.topic not in self._of_nodes:
            return record.topic in self._topics
        if self._partitions and record.partition not in self._partitions:
            return False
        key = record.key
        return not self._keys or key is None or key in self._keys or key.startswith(OURS)


def _range(file: LogFile, since: int, until: int, kept: Kept) -> Iterator[LogRecord]:
    """Yield what is kept of a range; the file is in the order of arrival, so reading ends with the range."""
    for record in file:
        if record.arrived_at >= until:
            return
        if record.arrived_at >= since and kept.wants(record):
            yield record
