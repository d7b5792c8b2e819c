"""Decoding only what is wanted: the schema id in front of a record tells its event without reading it."""

from collections.abc import Collection, Iterator

from schemas.codec import Codec, Event
from schemas.codec.framing import schema_id_of
from schemas.errors import EventError
from schemas.log_file import LogRecord


class Wanted:
    """Events of some kinds, out of records of many.

    Which ids are of other kinds is learnt from the first record of each, so most of them, ticks say, are
    passed over unread. ``unreadable`` counts records that are no event; live they are dead letters.
    """

    def __init__(self, codec: Codec, kinds: Collection[type]) -> None:
        self._codec = codec
        self._kinds = tuple(kinds)
        self._others: set[int] = set()
        self.unreadable = 0

    def of(self, record: LogRecord) -> Event | None:
        """Return the event of a record; None: it is of another kind, or unreadable."""
        try:
            schema_id = schema_id_of(record.value)
            if schema_id in self._others:
                return None
            event = self._codec.decode(record.value)
        except EventError:
            self.unreadable += 1
            return None
        if isinstance(event, self._kinds):
            return event
        self._others.add(schema_id)
        return None

    def among(self, records: Iterator[LogRecord]) -> Iterator[tuple[LogRecord, Event]]:
        """Yield the records that are of the kinds, with their events."""
        for record in records:
            event = self.of(record)
            if event is not None:
                yield record, event
