"""Typed view of ``avro/node_pane.v2.avsc`` (units there); times are µs since the epoch."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.events.reading import NAN


class Statistic(NamedTuple):
    """A mergeable summary of the readings in a pane; NaN readings are left out."""

    n: float = NAN
    mean: float = NAN
    m2: float = NAN
    min: float = NAN
    max: float = NAN
    first: float = NAN
    last: float = NAN


class Histogram(NamedTuple):
    """Counts in logarithmic buckets: bucket i holds b^i < value <= b^(i+1), where b is 2^(1/8)."""

    zeros: int
    buckets: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()


class HostPane(NamedTuple):
    """Readings of the machine over a pane."""

    cpu_ratio: Statistic
    load_1m: Statistic
    memory_used_bytes: Statistic
    memory_available_bytes: Statistic
    swap_used_bytes: Statistic
    swap_out_bytes_per_s: Statistic
    memory_pressure_ratio: Statistic
    io_pressure_ratio: Statistic
    disk_free_bytes: Statistic
    disk_write_bytes_per_s: Statistic
    network_receive_bytes_per_s: Statistic
    network_transmit_bytes_per_s: Statistic
    cpu_temperature_c: Statistic
    cpu_clock_ratio: Statistic
    cpu_power_w: Statistic
    soc_power_w: Statistic
    clock_offset_s: Statistic


class GpuPane(NamedTuple):
    """Readings of one accelerator over a pane."""

    gpu_id: str
    name: str
    vendor: str
    mig_parent: str
    utilization_ratio: Statistic
    memory_utilization_ratio: Statistic
    memory_used_bytes: Statistic
    temperature_c: Statistic
    memory_temperature_c: Statistic
    power_w: Statistic
    energy_j: Statistic
    sm_clock_mhz: Statistic
    fan_ratio: Statistic
    memory_total_bytes: float = NAN
    temperature_slowdown_c: float = NAN
    power_limit_w: float = NAN
    sm_clock_max_mhz: float = NAN
    idle_power_w: float = NAN
    power_limit_default_w: float = NAN
    samples: float = NAN
    lost: float = NAN
    active: float = NAN
    throttled_power: float = NAN
    throttled_thermal: float = NAN
    throttled_hardware: float = NAN
    thermal_unknown: float = NAN
    thermal_normal: float = NAN
    thermal_fair: float = NAN
    thermal_serious: float = NAN
    thermal_critical: float = NAN


class RuntimePane(NamedTuple):
    """Readings of one runtime over a pane."""

    runtime_id: str
    kind: str
    requests_running: Statistic
    requests_waiting: Statistic
    kv_cache_ratio: Statistic
    tokens_per_second: Statistic
    samples: float = NAN
    up: float = NAN
    stalled: float = NAN
    slots: float = NAN
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
    probe_tokens_per_second: float = NAN
    models: tuple[str, ...] = ()


class ModelPane(NamedTuple):
    """One model over a pane."""

    name: str
    runtime_id: str
    quantization: str
    tokens_per_second: Statistic
    wes: Statistic
    vram_bytes: float = NAN
    parameters: float = NAN
    context_length: float = NAN
    generation_tokens: float = NAN


class GpuHealthPane(NamedTuple):
    """Slow readings of one accelerator, the last in a pane."""

    gpu_id: str
    pcie_generation: float = NAN
    pcie_generation_max: float = NAN
    pcie_width: float = NAN
    pcie_width_max: float = NAN
    pcie_replays_total: float = NAN
    ecc_corrected_volatile_total: float = NAN
    ecc_uncorrected_volatile_total: float = NAN
    remapped_rows_uncorrectable_total: float = NAN
    remapped_rows_pending: float = NAN
    retired_pages_total: float = NAN
    nvlink_links_active: float = NAN
    nvlink_errors_total: float = NAN
    memory_temperature_max_c: float = NAN
    xids: tuple[int, ...] = ()


class SuspectPane(NamedTuple):
    """A reading that was set aside in a pane."""

    reading: str
    why: str
    value: float
    samples: float


class NodePane(NamedTuple):
    """Ten seconds of one node, aligned to event time; panes merge into any longer window."""

    id: str
    node_id: str
    fleet: str
    boot_id: str
    agent_version: str
    cpu_model: str
    driver_version: str
    tags: Mapping[str, str]
    occurred_at: int
    started_at: int
    last_arrived_at: int
    samples: float
    expected: float
    duplicates: float
    missing: float
    late: float
    spooled: float
    stopped: float
    delay_max_s: float
    inference_unknown: float
    inference_idle: float
    inference_idle_spd: float
    inference_busy: float
    inference_live: float
    thermal_unknown: float
    thermal_normal: float
    thermal_fair: float
    thermal_serious: float
    thermal_critical: float
    tokens_per_second: Statistic
    power_w: Statistic
    wes: Statistic
    thermal_penalty: Statistic
    cpu_ratio_agent: Statistic
    lateness_s: Statistic
    clock_skew_s: float
    spool_records: float
    spool_dropped_total: float
    wes_histogram: Histogram
    tokens_per_second_histogram: Histogram
    power_histogram: Histogram
    host: HostPane
    gpus: tuple[GpuPane, ...] = ()
    runtimes: tuple[RuntimePane, ...] = ()
    models: tuple[ModelPane, ...] = ()
    gpu_health: tuple[GpuHealthPane, ...] = ()
    suspects: tuple[SuspectPane, ...] = ()
