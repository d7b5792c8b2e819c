"""Offsets of records, put together by partition."""

from collections.abc import Sequence

from processors.replay.explain.explanation import Stretch
from schemas.log_file import LogRecord


class Stretches:
    """Collects records under names, in the order in which the names come."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, int], Stretch] = {}

    def add(self, what: str, record: LogRecord) -> None:
        """Take one more record."""
        place = what, record.topic, record.partition
        before = self._found.get(place)
        if before is None:
            at = record.arrived_at
            self._found[place] = Stretch(*place, record.offset, record.offset, 1, at, at)
            return
        self._found[place] = before._replace(
            first_offset=min(before.first_offset, record.offset),
            last_offset=max(before.last_offset, record.offset),
            records=before.records + 1,
            first_at=min(before.first_at, record.arrived_at),
            last_at=max(before.last_at, record.arrived_at),
        )

    def all(self) -> Sequence[Stretch]:
        """Return what has come together."""
        return tuple(self._found.values())
