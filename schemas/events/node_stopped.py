"""Typed view of ``avro/node_stopped.v1.avsc`` (units there); times are µs since the epoch."""

from typing import NamedTuple


class NodeStopped(NamedTuple):
    """A node agent stopped in an orderly way."""

    node_id: str
    fleet: str
    boot_id: str
    occurred_at: int
    seq: int
    reason: str
