"""Snapshots as events: packed, and in parts where a broker would not take them whole."""

from collections.abc import Iterator

import zstandard

from processors.faust.hour import Snapshot
from processors.faust.letters import Source
from schemas.events.stage_snapshot import StageSnapshot
from schemas.ids import derived_id

CODEC = "zstd"
# A broker takes records of up to 1 MiB.
PART_BYTES = 512 * 1024
# A state of the pattern stage is 200 kB; levels above take twice the time for a few percent.
_LEVEL = 3


def events(snapshot: Snapshot, source: Source, topic_id: str) -> Iterator[StageSnapshot]:
    """Yield the events of a snapshot: one for each part, one for a key that is over."""
    raw = snapshot.raw
    packed = b"" if raw is None else zstandard.ZstdCompressor(level=_LEVEL).compress(raw)
    starts = range(0, len(packed), PART_BYTES) or range(1)
    for number, start in enumerate(starts):
        yield StageSnapshot(
            derived_id(
                "stage_snapshot",
                source.reader,
                topic_id,
                source.partition,
                snapshot.key,
                snapshot.offset,
                number,
            ),
            source.reader,
            source.topic,
            topic_id,
            source.partition,
            snapshot.key,
            snapshot.offset,
            snapshot.at,
            snapshot.begin,
            raw is None,
            number,
            len(starts),
            CODEC if raw is not None else "",
            len(raw or b""),
            packed[start : start + PART_BYTES],
        )
