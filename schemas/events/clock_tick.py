"""Typed view of ``avro/clock_tick.v1.avsc`` (units there); times are µs since the epoch."""

from typing import NamedTuple

from schemas.events.reading import NAN


class ClockTick(NamedTuple):
    """Time passes, for a silent partition too."""

    occurred_at: int
    clock_id: str
    seq: int
    interval_s: float = NAN
