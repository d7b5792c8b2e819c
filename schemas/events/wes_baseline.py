"""Typed view of ``avro/wes_baseline.v1.avsc`` (units there); times are µs since the epoch."""

from typing import NamedTuple


class WesBaseline(NamedTuple):
    """What a node's efficiency has been with one model at one load; panes of ten seconds from ClickHouse."""

    id: str
    fleet: str
    node_id: str
    model: str
    load: str
    occurred_at: int
    day_panes: float
    day_wes: float
    week_panes: float
    week_wes: float
