"""Typed view of ``avro/request_routed.v2.avsc`` (units there); times are µs since the epoch."""

from typing import NamedTuple


class Signal(NamedTuple):
    """One consideration for one candidate."""

    name: str
    value: float
    score: float
    age_s: float


class Candidate(NamedTuple):
    """A place the request could have gone."""

    node_id: str
    runtime_id: str
    model: str
    excluded: str
    score: float
    estimate_s: float
    signals: tuple[Signal, ...]


class RequestRouted(NamedTuple):
    """A request was sent to a node; each attempt is one."""

    request_id: str
    fleet: str
    router_id: str
    occurred_at: int
    attempt: int
    node_id: str
    previous_node_id: str
    runtime_id: str
    model: str
    served_model: str
    reason: str
    policy: str
    policy_version: str
    propensity: float
    score: float
    shadow_policy: str
    shadow_node_id: str
    candidates: tuple[Candidate, ...]
    places: int = 0
    fallback: str = ""
