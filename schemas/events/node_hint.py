"""Typed view of ``avro/node_hint.v1.avsc`` (units there); times are µs since the epoch."""

from typing import NamedTuple

from schemas.events.observation import RoutingHint


class NodeHint(NamedTuple):
    """What a router should do with a node, as the open observations say."""

    id: str
    node_id: str
    fleet: str
    occurred_at: int
    routing_hint: RoutingHint
    source: str
    observation_id: str
