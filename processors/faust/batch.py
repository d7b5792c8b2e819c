"""A batch of records to one transaction: read, fold, collect, store."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from processors.faust.changelog import Marker, written
from processors.faust.intake import Intake
from processors.faust.letters import Record, Source
from processors.faust.log import Transaction
from processors.faust.outbox import Outbox
from processors.faust.recovery import SLICE_RECORDS, Recovered, read
from processors.stage import Arrived, Rejected
from schemas.codec import Event
from schemas.errors import EventError, UnknownSchemaError
from schemas.settings import Settings

logger = logging.getLogger(__name__)

State = TypeVar("State")

# The marker names the schema ids that were refused since ``begin``; past so many, every state is stored,
# which lets it forget them.
REFUSED_LIMIT = 1000


class Work(NamedTuple):
    """A folded batch: what to commit, and for the metrics how its records fared."""

    transaction: Transaction
    records: int
    dead: int
    suppressed: int
    states: int
    remembered: int
    snapshots: int


class BatchFolder(Generic[State]):
    """Folds the batches of one partition from where its memory was found."""

    def __init__(
        self, recovered: Recovered[State], source: Source, intake: Intake, settings: Settings
    ) -> None:
        self._memory = recovered.memory
        self._topic_id = recovered.span.topic_id
        self._refused = dict(recovered.marker.refused)
        self._store_all = recovered.rebased
        self._intake = intake
        self._source = source
        self._outbox = Outbox(intake.codec, settings, source, recovered.marker.cap)

    async def fold(self, records: Sequence[Record]) -> Work:
        """Return what a batch comes to. Records that were done before are passed over.

        Waits only for the schema of a foreign writer; other partitions get their turn in between.
        """
        done = self._memory.done
        for start in range(0, len(records), SLICE_RECORDS):
            for record in records[start : start + SLICE_RECORDS]:
                if record.offset > done:
                    await self._fold_one(record)
            await asyncio.sleep(0)
        return self._work(len(records), everything=self._store_all or len(self._refused) > REFUSED_LIMIT)

    def rest(self) -> Work | None:
        """Return a last transaction that stores what is not stored, or None where nothing is left."""
        if not self._memory.unstored_since:
            return None
        return self._work(0, everything=True)

    async def _fold_one(self, record: Record) -> None:
        event = await self._event(record)
        if isinstance(event, Rejected):
            self._memory.skip(record.offset)
            self._outbox.reject(record, event)
            return
        outputs = self._memory.fold(
            record.offset, Arrived(event, record.timestamp * 1000, self._source.partition)
        )
        if outputs:
            self._outbox.add(record, outputs)

    async def _event(self, record: Record) -> Event | Rejected:
        try:
            return await read(self._intake, record.value or b"")
        except EventError as exc:
            if isinstance(exc, UnknownSchemaError):
                self._refused[exc.schema_id] = record.offset
            return Rejected(exc.reason, str(exc))

    def _work(self, records: int, *, everything: bool) -> Work:
        checkpoint = self._memory.checkpoint(everything=everything)
        self._store_all = False
        begin, done = checkpoint.begin, checkpoint.done
        if self._refused:
            self._refused = {schema_id: at for schema_id, at in self._refused.items() if at >= begin}
        marker = Marker(self._topic_id, begin, done, self._outbox.cap, self._refused, self._memory.hour)
        for snapshot in checkpoint.snapshots:
            self._outbox.keep(snapshot, self._topic_id)
        dead, suppressed = self._outbox.dead, self._outbox.suppressed
        transaction = Transaction(self._outbox.take(), tuple(written(checkpoint, marker)), done + 1)
        remembered, kept = len(self._memory.states), len(checkpoint.snapshots)
        return Work(transaction, records, dead, suppressed, len(checkpoint.copies), remembered, kept)
