"""What a replay reads from: Kafka, ClickHouse's ``event_log``, a capsule or a log file look the same."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from schemas.codec import Codec
from schemas.log_file import LogRecord
from schemas.topics import Topic

UNKNOWN: Final = -1
# A half-open end of time, µs since the epoch: later than anything a log holds.
FOREVER: Final = (1 << 62) - 1
# More are counted: a log that has lost much is not told of hole by hole.
GAPS_TOLD: Final = 5


class Span(NamedTuple):
    """What a source holds of a topic: when its first and its last record arrived, µs since the epoch.

    ``records``: how many, and ``partitions`` of the topic; ``UNKNOWN`` where it is not cheap to tell.
    """

    first_at: int
    last_at: int
    records: int = UNKNOWN
    partitions: int = UNKNOWN


class Gap(NamedTuple):
    """Offsets ``first_offset`` to ``last_offset``, both included, that were expected and did not come.

    ``why``: a clause for people, such as "expired: Kafka no longer has them".
    """

    topic: str
    partition: int
    first_offset: int
    last_offset: int
    why: str


def missing(gaps: Sequence[Gap]) -> Iterator[str]:
    """Yield what is missing in words for people: the first gaps a line each, the rest counted."""
    for gap in gaps[:GAPS_TOLD]:
        last = f" to {gap.last_offset}" if gap.last_offset > gap.first_offset else ""
        yield f"{gap.topic}[{gap.partition}] has no offset {gap.first_offset}{last}: {gap.why}"
    if len(gaps) > GAPS_TOLD:
        yield f"{len(gaps) - GAPS_TOLD} further gaps"


class Source(Protocol):
    """Records of topics, in the order in which a replay reads them."""

    @property
    def name(self) -> str:
        """Name for messages: a file, or ``event_log at http://...``."""
        ...

    def codec(self) -> Codec:
        """Return a codec that reads this source's values, those of older schemas included."""
        ...

    def holds(self, topics: Sequence[Topic]) -> Mapping[str, Span]:
        """Return what there is of each topic, by its name; a topic without records is left out."""
        ...

    def read(
        self,
        topics: Sequence[Topic],
        since: int,
        until: int,
        keys: Collection[str] = (),
        partitions: Collection[int] = (),
    ) -> Iterator[LogRecord]:
        """Yield the records with ``since <= arrived_at < until``, in bounded memory.

        Per partition by offset; across partitions by (arrived_at, topic, partition, offset), see ``merge``.
        Of the topics that are keyed by node: ``keys``, only the records with these keys and those without a
        node's key, which are about a whole partition; ``partitions``, only these. Of the others everything
        comes. Empty means all.

        Raises:
            DecodeError: the source is damaged.
            UnavailableError: it cannot be reached.
        """
        ...

    def gaps(self) -> Sequence[Gap]:
        """Return what was missing on the way, as far as it has been read."""
        ...
