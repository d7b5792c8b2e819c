"""Offsets that did not come: what a reading tells of a log that is not whole."""

from processors.replay.facts import WRITES
from processors.replay.source import Gap


class Holes:
    """Watches the offsets of each partition as they are read. ``partitions``: of a topic that is spread."""

    def __init__(self, why: str, partitions: int) -> None:
        self._why = why
        self._partitions = partitions
        self._last: dict[tuple[str, int], int] = {}
        self._gaps: set[Gap] = set()

    def begin(self, topic: str, partition: int, first_offset: int, why: str) -> None:
        """Note that a partition begins only at ``first_offset``, because of ``why``."""
        if first_offset > 0:
            self._gaps.add(Gap(topic, partition, 0, first_offset - 1, why))

    def see(self, topic: str, partition: int, offset: int) -> bool:
        """Take the next offset of a partition; return whether it comes after the one before it."""
        place = topic, partition
        last = self._last.get(place)
        if last is not None and offset <= last:
            return False
        if last is not None and offset - last - 1 > marks(topic, self._partitions):
            self._gaps.add(Gap(topic, partition, last + 1, offset - 1, self._why))
        self._last[place] = offset
        return True

    def again(self) -> None:
        """Begin another reading."""
        self._last = {}

    def gaps(self) -> tuple[Gap, ...]:
        """Return what was missing so far."""
        return tuple(sorted(self._gaps))


def marks(topic: str, partitions: int) -> int:
    """Return how many offsets without a record may follow each other in a topic though nothing is missing.

    A transaction ends with a mark of its own in each partition it has written to. Each partition of a stage
    has transactions of its own, and so has the API; several may be open at once, and then their marks come
    together.
    """
    writers = sum(any(written.name == topic for written in of) for of in WRITES.values())
    return writers * partitions + 1
