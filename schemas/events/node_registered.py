"""Typed view of ``avro/node_registered.v1.avsc`` (units there); times are µs since the epoch."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.events.reading import NAN


class GpuInventory(NamedTuple):
    """An accelerator of the node: what does not change from second to second."""

    gpu_id: str
    uuid: str
    nvml_index: int
    vendor: str
    name: str
    bus_id: str
    mig_parent: str
    driver_version: str
    vbios_version: str
    compute_mode: str
    unified_memory: bool
    memory_total_bytes: float = NAN
    power_limit_default_w: float = NAN
    power_limit_min_w: float = NAN
    power_limit_max_w: float = NAN
    temperature_slowdown_c: float = NAN
    temperature_shutdown_c: float = NAN
    memory_temperature_max_c: float = NAN
    sm_clock_max_mhz: float = NAN
    memory_clock_max_mhz: float = NAN
    pcie_generation_max: float = NAN
    pcie_width_max: float = NAN
    ecc_enabled: float = NAN


class AvailableModel(NamedTuple):
    """A model that a runtime has on disk or in memory."""

    name: str
    digest: str
    architecture: str
    quantization: str
    loaded: bool
    size_bytes: float = NAN
    parameters: float = NAN
    context_length: float = NAN
    layers: float = NAN
    heads: float = NAN
    kv_heads: float = NAN
    embedding_length: float = NAN


class RuntimeInventory(NamedTuple):
    """A serving runtime found on the node."""

    runtime_id: str
    kind: str
    url: str
    version: str
    discovered_by: str
    container: str
    command_line: str
    pid: int
    slots: float = NAN
    models: tuple[AvailableModel, ...] = ()


class CollectorInventory(NamedTuple):
    """What a collector can and cannot read on this node."""

    name: str
    status: str
    reason: str
    remedy: str


class NodeRegistered(NamedTuple):
    """A node agent started, or what its node has changed. The latest one holds."""

    node_id: str
    fleet: str
    boot_id: str
    occurred_at: int
    started_at: int
    agent_version: str
    hostname: str
    machine_id: str
    os: str
    os_version: str
    arch: str
    container: str
    cpu_model: str
    tags: Mapping[str, str]
    cpu_count: float = NAN
    cpu_physical_count: float = NAN
    cpu_capacity_cores: float = NAN
    memory_total_bytes: float = NAN
    swap_total_bytes: float = NAN
    interval_s: float = NAN
    gpus: tuple[GpuInventory, ...] = ()
    runtimes: tuple[RuntimeInventory, ...] = ()
    collectors: tuple[CollectorInventory, ...] = ()
