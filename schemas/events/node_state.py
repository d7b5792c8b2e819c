"""Typed view of ``avro/node_state.v2.avsc`` (units there); times are µs since the epoch."""

from typing import Literal, NamedTuple

from schemas.events.node_sample import GpuStatus, RuntimeStatus
from schemas.events.observation import RoutingHint
from schemas.events.reading import NAN

InferenceState = Literal["unknown", "idle", "idle_spd", "busy", "live"]


ThermalState = Literal["unknown", "normal", "fair", "serious", "critical"]


class GpuState(NamedTuple):
    """One accelerator as the node stage knows it."""

    gpu_id: str
    status: GpuStatus
    thermal_state: ThermalState
    utilization_ratio: float = NAN
    memory_used_bytes: float = NAN
    memory_total_bytes: float = NAN
    temperature_c: float = NAN
    power_w: float = NAN
    idle_power_w: float = NAN
    thermal_penalty: float = NAN
    throttle_reasons: int = -1


class RuntimeState(NamedTuple):
    """One runtime as the node stage knows it."""

    runtime_id: str
    kind: str
    status: RuntimeStatus
    requests_running: float = NAN
    requests_waiting: float = NAN
    slots: float = NAN
    kv_cache_ratio: float = NAN
    tokens_per_second: float = NAN
    ttft_s: float = NAN
    probe_tokens_per_second: float = NAN
    age_s: float = NAN


class ModelState(NamedTuple):
    """One loaded model as the node stage knows it."""

    name: str
    runtime_id: str
    tokens_per_second: float = NAN
    power_share: float = NAN
    wes: float = NAN
    vram_bytes: float = NAN
    context_length: float = NAN


class NodeState(NamedTuple):
    """What is known of one node after one of its samples."""

    id: str
    node_id: str
    fleet: str
    boot_id: str
    occurred_at: int
    seq: int
    arrived_at: int
    inference_state: InferenceState
    inference_reason: str
    inference_since: int
    thermal_state: ThermalState
    thermal_reason: str
    thermal_since: int
    cpu_thermal_state: ThermalState
    routing_hint: RoutingHint = "clear"
    routing_hint_source: str = ""
    thermal_penalty: float = NAN
    tokens_per_second: float = NAN
    power_w: float = NAN
    wes: float = NAN
    wes_raw: float = NAN
    pue: float = NAN
    probe_tokens_per_second: float = NAN
    idle_power_w: float = NAN
    cpu_ratio: float = NAN
    memory_available_bytes: float = NAN
    memory_total_bytes: float = NAN
    clock_skew_s: float = NAN
    spool_records: float = NAN
    samples_total: float = NAN
    duplicates_total: float = NAN
    missing_total: float = NAN
    late_total: float = NAN
    conflicts_total: float = NAN
    gpus: tuple[GpuState, ...] = ()
    runtimes: tuple[RuntimeState, ...] = ()
    models: tuple[ModelState, ...] = ()
