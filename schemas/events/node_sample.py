"""Typed view of ``avro/node_sample.v1.avsc`` (units there); times are µs since the epoch."""

from typing import Literal, NamedTuple

from schemas.events.reading import NAN


class AgentSample(NamedTuple):
    """The agent on itself."""

    monotonic_s: float = NAN
    cpu_ratio: float = NAN
    rss_bytes: float = NAN
    lateness_s: float = NAN
    missed_total: float = NAN
    spool_records: float = NAN
    spool_bytes: float = NAN
    spool_dropped_total: float = NAN


Known = Literal["unknown", "yes", "no"]


class HostSample(NamedTuple):
    """Readings of the machine. NaN: no reading."""

    cpu_ratio: float = NAN
    load_1m: float = NAN
    memory_total_bytes: float = NAN
    memory_used_bytes: float = NAN
    memory_available_bytes: float = NAN
    swap_used_bytes: float = NAN
    swap_in_bytes_per_s: float = NAN
    swap_out_bytes_per_s: float = NAN
    cpu_pressure_ratio: float = NAN
    memory_pressure_ratio: float = NAN
    memory_stall_ratio: float = NAN
    io_pressure_ratio: float = NAN
    disk_free_bytes: float = NAN
    disk_read_bytes_per_s: float = NAN
    disk_write_bytes_per_s: float = NAN
    network_receive_bytes_per_s: float = NAN
    network_transmit_bytes_per_s: float = NAN
    cpu_temperature_c: float = NAN
    cpu_clock_ratio: float = NAN
    cpu_power_w: float = NAN
    soc_power_w: float = NAN
    clock_offset_s: float = NAN
    age_s: float = NAN
    clock_synchronized: Known = "unknown"
    thermal_pressure: str = ""
    cpu_core_ratios: tuple[float, ...] = ()


GpuStatus = Literal["ok", "lost", "error"]


class GpuSample(NamedTuple):
    """Readings of one accelerator that change from second to second. NaN: no reading, or not supported."""

    gpu_id: str
    status: GpuStatus
    utilization_ratio: float = NAN
    memory_utilization_ratio: float = NAN
    memory_used_bytes: float = NAN
    memory_total_bytes: float = NAN
    temperature_c: float = NAN
    memory_temperature_c: float = NAN
    temperature_slowdown_c: float = NAN
    power_w: float = NAN
    power_limit_w: float = NAN
    energy_j: float = NAN
    sm_clock_mhz: float = NAN
    sm_clock_max_mhz: float = NAN
    fan_ratio: float = NAN
    performance_state: float = NAN
    age_s: float = NAN
    throttle_reasons: int = -1


RuntimeStatus = Literal["up", "down", "error"]


class LoadedModel(NamedTuple):
    """A model in the memory of a runtime. NaN: not told."""

    name: str
    size_bytes: float = NAN
    vram_bytes: float = NAN
    context_length: float = NAN
    requests_running: float = NAN
    prompt_tokens: float = NAN
    generation_tokens: float = NAN
    expires_in_s: float = NAN


class RuntimeSample(NamedTuple):
    """Readings of one runtime. Counts are differences over interval_s. NaN: not told."""

    runtime_id: str
    kind: str
    status: RuntimeStatus
    requests_running: float = NAN
    requests_waiting: float = NAN
    slots: float = NAN
    kv_cache_ratio: float = NAN
    interval_s: float = NAN
    prompt_tokens: float = NAN
    generation_tokens: float = NAN
    cached_prompt_tokens: float = NAN
    requests_finished: float = NAN
    requests_failed: float = NAN
    preemptions: float = NAN
    ttft_sum_s: float = NAN
    ttft_count: float = NAN
    e2e_sum_s: float = NAN
    e2e_count: float = NAN
    queue_sum_s: float = NAN
    queue_count: float = NAN
    last_activity_age_s: float = NAN
    probe_tokens_per_second: float = NAN
    probe_age_s: float = NAN
    probes_running: float = NAN
    age_s: float = NAN
    models: tuple[LoadedModel, ...] = ()


class GpuProcess(NamedTuple):
    """A process that holds memory of an accelerator."""

    pid: int
    memory_used_bytes: float
    runtime_id: str


class GpuHealth(NamedTuple):
    """Slow readings of one accelerator, sent every ten seconds and on change. NaN: not supported."""

    gpu_id: str
    graphics_clock_mhz: float = NAN
    memory_clock_mhz: float = NAN
    pcie_generation: float = NAN
    pcie_generation_max: float = NAN
    pcie_width: float = NAN
    pcie_width_max: float = NAN
    pcie_receive_bytes_per_s: float = NAN
    pcie_transmit_bytes_per_s: float = NAN
    pcie_replays_total: float = NAN
    ecc_corrected_volatile_total: float = NAN
    ecc_uncorrected_volatile_total: float = NAN
    ecc_corrected_aggregate_total: float = NAN
    ecc_uncorrected_aggregate_total: float = NAN
    remapped_rows_correctable_total: float = NAN
    remapped_rows_uncorrectable_total: float = NAN
    remapped_rows_pending: float = NAN
    retired_pages_total: float = NAN
    nvlink_links_active: float = NAN
    nvlink_errors_total: float = NAN
    power_limit_default_w: float = NAN
    power_limit_max_w: float = NAN
    temperature_shutdown_c: float = NAN
    memory_temperature_max_c: float = NAN
    age_s: float = NAN
    xids: tuple[int, ...] = ()
    processes: tuple[GpuProcess, ...] = ()


class SensorTemperature(NamedTuple):
    """A named temperature sensor."""

    name: str
    temperature_c: float = NAN


class CollectorReport(NamedTuple):
    """How a collector of the agent did since the last report; sent every ten seconds and on change."""

    name: str
    status: str
    reason: str
    age_s: float = NAN
    duration_s: float = NAN
    successes: float = NAN
    failures: float = NAN
    timeouts: float = NAN


class Suspect(NamedTuple):
    """A reading that cannot be true, kept apart from the readings."""

    reading: str
    value: float
    why: str


class NodeSample(NamedTuple):
    """What one node measured at one moment. Redelivery is recognised by node_id, boot_id and seq."""

    node_id: str
    fleet: str
    boot_id: str
    occurred_at: int
    seq: int
    spooled: bool
    agent: AgentSample
    host: HostSample
    gpus: tuple[GpuSample, ...] = ()
    runtimes: tuple[RuntimeSample, ...] = ()
    gpu_health: tuple[GpuHealth, ...] = ()
    temperatures: tuple[SensorTemperature, ...] = ()
    collectors: tuple[CollectorReport, ...] = ()
    suspects: tuple[Suspect, ...] = ()
