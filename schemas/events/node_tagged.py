"""Typed view of ``avro/node_tagged.v1.avsc`` (units there); times are µs since the epoch."""

from collections.abc import Mapping
from typing import NamedTuple


class NodeTagged(NamedTuple):
    """The tags of a node as its agent registered them, for rules that select by tag."""

    id: str
    node_id: str
    fleet: str
    occurred_at: int
    tags: Mapping[str, str]
