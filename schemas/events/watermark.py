"""Typed view of ``avro/watermark.v1.avsc`` (units there); times are µs since the epoch."""

from typing import NamedTuple


class Watermark(NamedTuple):
    """A stage has folded everything of one partition of its source that arrived until then."""

    occurred_at: int
    stage: str
    partition: int
    passed_at: int
    interval_s: float
