"""Typed view of ``avro/node_summary.v1.avsc`` (units there); times are µs since the epoch."""

from typing import NamedTuple

from schemas.events.observation import Severity


class OpenObservation(NamedTuple):
    """An observation of the node that is open."""

    observation_id: str
    pattern: str
    severity: Severity
    onset_at: int


class NodeSummary(NamedTuple):
    """Ten seconds of one node as its fleet needs them; also written while the node is silent."""

    id: str
    node_id: str
    fleet: str
    boot_id: str
    occurred_at: int
    passed_at: int
    agent_version: str
    hardware: str
    model: str
    load: str
    rack: str
    driver: str
    stopped: bool
    silent_s: float
    samples: float
    live: float
    busy: float
    thermal_serious: float
    thermal_critical: float
    tokens_per_second: float
    power_w: float
    wes: float
    wes_raw: float
    requests_running: float
    requests_waiting: float
    utilization_ratio: float
    temperature_c: float
    memory_used_ratio: float
    vram_used_ratio: float
    swap_out_bytes_per_s: float
    memory_stall: float
    stalled: float
    generation_tokens: float
    clock_skew_s: float
    stalled_runtimes: tuple[str, ...]
    open: tuple[OpenObservation, ...]
