"""A capsule as a source: what ``penstock capsule create`` writes."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from processors.replay.capsule.reader import Capsule
from processors.replay.source import Gap, Span
from processors.replay.sources.log_file import Kept
from schemas.codec import Codec
from schemas.log_file import LogRecord
from schemas.topics import Topic


class CapsuleSource:
    """An open capsule. Its records were taken from one source in the order of a replay, and keep it."""

    def __init__(self, capsule: Capsule) -> None:
        self._capsule = capsule
        self._codec = capsule.codec()

    @property
    def name(self) -> str:
        """Name of the file."""
        return str(self._capsule.path)

    def codec(self) -> Codec:
        """Return a codec of the schemas that the capsule brings along."""
        return self._codec

    def holds(self, topics: Sequence[Topic]) -> Mapping[str, Span]:
        """Return what there is of each topic, as the manifest has it."""
        names = {topic.name: topic for topic in topics}
        spread = self._capsule.manifest.partitions
        return {
            part.topic: Span(
                part.first_at, part.last_at, part.records, spread if names[part.topic].spread else 1
            )
            for part in self._capsule.manifest.parts
            if part.topic in names
        }

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
            CapsuleError: a part is damaged. What came before has been yielded.
        """
        kept = Kept(topics, keys, partitions)
        for record in self._capsule.records([topic.name for topic in topics]):
            if since <= record.arrived_at < until and kept.wants(record):
                yield record

    def gaps(self) -> Sequence[Gap]:
        """Return nothing: offsets that are not in a capsule were not asked for, or are in ``left_out``."""
        return ()
