"""Finding a partition's memory again: stored copies, then the source from where they miss something."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Generic, TypeVar

from processors.faust.changelog import Marker, read_back
from processors.faust.intake import Intake
from processors.faust.letters import Record, Source
from processors.faust.log import Log, Span
from processors.faust.memory import Memory
from processors.stage import Arrived, Stage
from schemas.codec import Event, schema_id_of
from schemas.errors import EventError, UnknownSchemaError

logger = logging.getLogger(__name__)

State = TypeVar("State")

# So many records are folded before other partitions get their turn: a few milliseconds.
SLICE_RECORDS = 100


@dataclass(slots=True)
class Recovered(Generic[State]):
    """A memory that stands at ``marker.done``. ``lost`` records are not in it; nobody can find them again.

    With ``rebased`` the offsets begin again, and every copy has to be stored with the next transaction.
    """

    memory: Memory[State]
    marker: Marker
    span: Span
    rebased: bool = False
    again: int = 0
    lost: int = 0
    unreadable: int = 0


async def recover(stage: Stage[State], log: Log, intake: Intake, source: Source) -> Recovered[State]:
    """Return the memory of a partition of an opened log, as it was when its last transaction committed.

    Raises:
        UnavailableError: the log or the registry cannot be read now.
        DecodeError: the marker is of another version of Penstock.
    """
    span = await log.span()
    newest: dict[bytes, bytes | None] = {}
    async for records in log.changelog():
        newest.update(records)
    found = read_back(Memory(stage), newest.items())
    recovered = Recovered(found.memory, found.marker, span, unreadable=found.unreadable)
    if recovered.unreadable:
        text = "%d states of %s partition %d were stored by another version and are dropped"
        logger.warning(text, recovered.unreadable, source.topic, source.partition)
    if found.marker.topic_id not in ("", span.topic_id):
        _rebase(recovered, source)
    else:
        await _catch_up(recovered, log, intake, source)
    return recovered


def _rebase(recovered: Recovered[State], source: Source) -> None:
    """Keep what is known when the source was deleted and made again: the nodes are the same.

    What the stored copies miss is lost with the old topic.
    """
    marker, span = recovered.marker, recovered.span
    logger.warning(
        "topic %s was made again: partition %d goes on from offset %d with %d stored states",
        source.topic,
        source.partition,
        span.first,
        len(recovered.memory.states),
    )
    recovered.lost = marker.done + 1 - marker.begin
    recovered.rebased = True
    recovered.memory.rebase(span.first)
    recovered.marker = Marker(span.topic_id, span.first, span.first - 1, marker.cap)


async def _catch_up(recovered: Recovered[State], log: Log, intake: Intake, source: Source) -> None:
    memory, marker, first = recovered.memory, recovered.marker, recovered.span.first
    if marker.topic_id and first > marker.begin:
        recovered.lost = first - marker.begin
        text = "%d records of %s partition %d, from offset %d, were deleted before they were folded for good"
        logger.warning(text, recovered.lost, source.topic, source.partition, marker.begin)
    if marker.done >= marker.begin:
        async for records in log.source(max(marker.begin, first), marker.done + 1):
            for start in range(0, len(records), SLICE_RECORDS):
                for record in records[start : start + SLICE_RECORDS]:
                    await _fold_again(memory, marker, intake, record, source.partition)
                await asyncio.sleep(0)
            recovered.again += len(records)
    memory.skip(marker.done)


async def _fold_again(
    memory: Memory[State], marker: Marker, intake: Intake, record: Record, partition: int
) -> None:
    value = record.value or b""
    try:
        if marker.refused and record.offset <= marker.refused.get(schema_id_of(value), -1):
            return
        event = await read(intake, value)
    except EventError:
        return
    memory.fold(record.offset, Arrived(event, record.timestamp * 1000, partition))


async def read(intake: Intake, value: bytes) -> Event:
    """Return the event in a value, learning its schema where needed.

    Raises:
        EventError: it cannot be read.
    """
    try:
        return intake.codec.decode(value)
    except UnknownSchemaError as exc:
        return await intake.learnt(value, exc.schema_id)
