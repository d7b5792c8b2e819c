"""Typed view of ``avro/stage_snapshot.v1.avsc`` (units there); times are µs since the epoch."""

from typing import NamedTuple


class StageSnapshot(NamedTuple):
    """The state of one key of a stage as it was stored, about once an hour: where a replay can begin."""

    id: str
    stage: str
    source_topic: str
    source_topic_id: str
    source_partition: int
    key: str
    stands_at: int
    occurred_at: int
    reads_from: int
    over: bool
    part: int
    parts: int
    codec: str
    state_bytes: int
    state: bytes
