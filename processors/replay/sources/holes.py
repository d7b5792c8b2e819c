"""Offsets that did not come: what a reading tells of a log that is not whole."""

from processors.replay.facts import WRITES
from processors.replay.source import Gap


class Holes:
    """What is missing of a log, by all its readings. ``partitions``: of a topic that is spread."""

    def __init__(self, why: str, partitions: int) -> None:
        self._why = why
        self._partitions = partitions
        self._gaps: set[Gap] = set()

    def begin(self, topic: str, partition: int, first_offset: int, why: str) -> None:
        """Note that a partition begins only at ``first_offset``, because of ``why``."""
        if first_offset > 0:
            self._gaps.add(Gap(topic, partition, 0, first_offset - 1, why))

    def missing(self, topic: str, partition: int, last: int, offset: int) -> None:
        """Note what is missing between two offsets that a reading saw one after the other."""
        if offset - last - 1 > marks(topic, self._partitions):
            self._gaps.add(Gap(topic, partition, last + 1, offset - 1, self._why))

    def gaps(self) -> tuple[Gap, ...]:
        """Return what was missing so far."""
        return tuple(sorted(self._gaps))


class Reading:
    """One reading of a log: several may be under way at once, each at a place of its own.

    ``whole``: it is given every record; of one that leaves some out nothing can be said to be missing.
    """

    def __init__(self, holes: Holes, *, whole: bool = True) -> None:
        self._holes = holes
        self._whole = whole
        self._last: dict[tuple[str, int], int] = {}

    def see(self, topic: str, partition: int, offset: int) -> bool:
        """Take the next offset of a partition; return whether it comes after the one before it."""
        place = topic, partition
        last = self._last.get(place)
        if last is not None:
            if offset <= last:
                return False
            if self._whole and offset > last + 1:
                self._holes.missing(topic, partition, last, offset)
        self._last[place] = offset
        return True


def marks(topic: str, partitions: int) -> int:
    """Return how many offsets without a record may follow each other in a topic though nothing is missing.

    A transaction ends with a mark of its own in each partition it has written to. Each partition of a stage
    has transactions of its own, and so has the API; several may be open at once, and then their marks come
    together.
    """
    writers = sum(any(written.name == topic for written in of) for of in WRITES.values())
    return writers * partitions + 1
