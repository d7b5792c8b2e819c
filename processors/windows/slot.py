"""What a window keeps of each pane: a tenth of its size, and what patterns ask for.

NaN is no reading, and so is a sum or a share of nothing. Shares are of the samples of the pane, 0..1.
Units are those of ``node_pane`` unless a name says otherwise; times are µs since the epoch.
"""

from collections.abc import Iterable, Sequence
from math import fsum
from typing import NamedTuple

from schemas.events.node_pane import GpuPane, HostPane, ModelPane, NodePane, RuntimePane, Statistic
from schemas.events.reading import NAN, known

# One model's tokens are the node's when they are this share of all.
DOMINANT = 0.9


class GpuSlot(NamedTuple):
    """One accelerator in ten seconds. MIG instances are parts of another and are left out."""

    gpu_id: str
    name: str
    vendor: str
    whole: bool
    samples: float
    lost: float
    active: float
    throttled_power: float
    throttled_thermal: float
    throttled_hardware: float
    thermal_known: float
    thermal_fair: float
    thermal_serious: float
    thermal_critical: float
    utilization_ratio: float
    memory_utilization_ratio: float
    memory_used_bytes: float
    memory_total_bytes: float
    temperature_c: float
    temperature_max_c: float
    temperature_min_c: float
    temperature_slowdown_c: float
    memory_temperature_c: float
    memory_temperature_max_c: float
    power_w: float
    power_max_w: float
    power_limit_w: float
    power_limit_default_w: float
    idle_power_w: float
    energy_first_j: float
    energy_last_j: float
    sm_clock_mhz: float
    sm_clock_max_mhz: float
    fan_ratio: float


class RuntimeSlot(NamedTuple):
    """One runtime in ten seconds. ``up`` and ``stalled`` are shares; tokens and requests are sums."""

    runtime_id: str
    kind: str
    samples: float
    up: float
    stalled: float
    requests_running: float
    requests_running_min: float
    requests_running_max: float
    requests_waiting: float
    requests_waiting_max: float
    requests_waiting_last: float
    kv_cache_ratio: float
    kv_cache_ratio_max: float
    tokens_per_second: float
    slots: float
    interval_s: float
    prompt_tokens: float
    generation_tokens: float
    cached_prompt_tokens: float
    requests_finished: float
    requests_failed: float
    preemptions: float
    ttft_sum_s: float
    ttft_count: float
    e2e_sum_s: float
    e2e_count: float
    queue_sum_s: float
    queue_count: float
    models: tuple[str, ...]


class ModelSlot(NamedTuple):
    """One loaded model in ten seconds."""

    name: str
    runtime_id: str
    quantization: str
    tokens_per_second: float
    wes: float
    vram_bytes: float
    parameters: float
    context_length: float
    generation_tokens: float


class HealthSlot(NamedTuple):
    """Slow readings of one accelerator, in the panes that have them."""

    gpu_id: str
    pcie_generation: float
    pcie_generation_max: float
    pcie_width: float
    pcie_width_max: float
    pcie_replays_total: float
    ecc_corrected_volatile_total: float
    ecc_uncorrected_volatile_total: float
    remapped_rows_uncorrectable_total: float
    remapped_rows_pending: float
    retired_pages_total: float
    nvlink_links_active: float
    nvlink_errors_total: float
    memory_temperature_max_c: float
    xids: tuple[int, ...]


class SuspectSlot(NamedTuple):
    """A reading that was set aside: ``share`` of the samples of the pane had it."""

    reading: str
    why: str
    value: float
    share: float


class Work(NamedTuple):
    """What the runtimes did together. NaN: none of them counts it.

    ``model`` did nearly all of it, or is the only one loaded; empty where there is none. ``prompt_share`` is
    of all tokens. Tokens are of the runtimes that time their requests.
    """

    model: str
    running: float
    prompt_share: float
    tokens: float
    ttft_sum_s: float
    ttft_count: float
    e2e_sum_s: float
    e2e_count: float


class Slot(NamedTuple):
    """Ten seconds of one node. ``hot`` is the share of samples with a serious or critical accelerator."""

    started_at: int
    boot_id: str
    agent_version: str
    cpu_model: str
    samples: float
    expected: float
    live: float
    idle: float
    busy: float
    thermal_known: float
    fair: float
    hot: float
    critical: float
    tokens_per_second: Statistic
    power_w: Statistic
    wes: Statistic
    thermal_penalty: float
    clock_skew_s: float
    spool_records: float
    spool_dropped_total: float
    delay_max_s: float
    late: float
    duplicates: float
    cpu_ratio: float
    load_1m: float
    memory_used_bytes: float
    memory_available_bytes: float
    swap_used_bytes: float
    swap_out_bytes_per_s: float
    memory_pressure_ratio: float
    io_pressure_ratio: float
    disk_free_bytes: float
    cpu_temperature_c: float
    cpu_clock_ratio: float
    cpu_power_w: float
    soc_power_w: float
    clock_offset_s: float
    gpus: tuple[GpuSlot, ...]
    runtimes: tuple[RuntimeSlot, ...]
    models: tuple[ModelSlot, ...]
    health: tuple[HealthSlot, ...]
    suspects: tuple[SuspectSlot, ...]
    work: Work


def slot_of(pane: NodePane) -> Slot:
    """Return what windows keep of a pane."""
    n = pane.samples or NAN
    runtimes = tuple(_runtime(runtime) for runtime in pane.runtimes)
    models = tuple(_model(model) for model in pane.models)
    serious, critical = pane.thermal_serious, pane.thermal_critical
    return Slot._make(
        (
            pane.started_at,
            pane.boot_id,
            pane.agent_version,
            pane.cpu_model,
            pane.samples,
            pane.expected,
            pane.inference_live / n,
            (pane.inference_idle + pane.inference_idle_spd) / n,
            pane.inference_busy / n,
            1.0 - pane.thermal_unknown / n,
            pane.thermal_fair / n,
            (serious + critical) / n,
            critical / n,
            pane.tokens_per_second,
            pane.power_w,
            pane.wes,
            pane.thermal_penalty.mean,
            pane.clock_skew_s,
            pane.spool_records,
            pane.spool_dropped_total,
            pane.delay_max_s,
            pane.late,
            pane.duplicates,
            *_host(pane.host),
            tuple(_gpu(gpu) for gpu in pane.gpus if not gpu.mig_parent),
            runtimes,
            models,
            tuple(HealthSlot._make(health) for health in pane.gpu_health),
            tuple(
                SuspectSlot(each.reading, each.why, each.value, each.samples / n) for each in pane.suspects
            ),
            work_of(runtimes, models),
        )
    )


def work_of(runtimes: Sequence[RuntimeSlot], models: Sequence[ModelSlot]) -> Work:
    """Add up what runtimes did, once, for all patterns that ask."""
    read = fsum(one.prompt_tokens for one in runtimes if one.prompt_tokens > 0)
    wrote = fsum(one.generation_tokens for one in runtimes if one.generation_tokens > 0)
    timed = [one for one in runtimes if known(one.ttft_count) or known(one.e2e_count)]
    return Work(
        _dominant(models),
        sum_known(one.requests_running for one in runtimes),
        read / (read + wrote) if read + wrote > 0 else NAN,
        sum_known(one.generation_tokens for one in timed),
        fsum(one.ttft_sum_s for one in timed if one.ttft_count > 0),
        sum_known(one.ttft_count for one in timed),
        fsum(one.e2e_sum_s for one in timed if one.e2e_count > 0),
        sum_known(one.e2e_count for one in timed),
    )


def _dominant(models: Sequence[ModelSlot]) -> str:
    if len(models) == 1:
        return models[0].name
    tokens = [(model.generation_tokens, model.name) for model in models if model.generation_tokens > 0]
    total = fsum(count for count, _ in tokens)
    return next((name for count, name in tokens if count >= DOMINANT * total), "")


def sum_known(readings: Iterable[float]) -> float:
    """Return the sum of the readings that are known; NaN of none."""
    told = [value for value in readings if value == value]
    return fsum(told) if told else NAN


def _host(host: HostPane) -> tuple[float, ...]:
    return (
        host.cpu_ratio.mean,
        host.load_1m.mean,
        host.memory_used_bytes.mean,
        host.memory_available_bytes.mean,
        host.swap_used_bytes.mean,
        host.swap_out_bytes_per_s.mean,
        host.memory_pressure_ratio.mean,
        host.io_pressure_ratio.mean,
        host.disk_free_bytes.mean,
        host.cpu_temperature_c.mean,
        host.cpu_clock_ratio.mean,
        host.cpu_power_w.mean,
        host.soc_power_w.mean,
        host.clock_offset_s.last,
    )


def _gpu(gpu: GpuPane) -> GpuSlot:
    n = gpu.samples or NAN
    return GpuSlot(
        gpu.gpu_id,
        gpu.name,
        gpu.vendor,
        not gpu.mig_parent,
        gpu.samples,
        gpu.lost / n,
        gpu.active / n,
        gpu.throttled_power / n,
        gpu.throttled_thermal / n,
        gpu.throttled_hardware / n,
        1.0 - gpu.thermal_unknown / n,
        gpu.thermal_fair / n,
        gpu.thermal_serious / n,
        gpu.thermal_critical / n,
        gpu.utilization_ratio.mean,
        gpu.memory_utilization_ratio.mean,
        gpu.memory_used_bytes.last,
        gpu.memory_total_bytes,
        gpu.temperature_c.mean,
        gpu.temperature_c.max,
        gpu.temperature_c.min,
        gpu.temperature_slowdown_c,
        gpu.memory_temperature_c.mean,
        gpu.memory_temperature_c.max,
        gpu.power_w.mean,
        gpu.power_w.max,
        gpu.power_limit_w,
        gpu.power_limit_default_w,
        gpu.idle_power_w,
        gpu.energy_j.first,
        gpu.energy_j.last,
        gpu.sm_clock_mhz.mean,
        gpu.sm_clock_max_mhz,
        gpu.fan_ratio.mean,
    )


def _runtime(runtime: RuntimePane) -> RuntimeSlot:
    n = runtime.samples or NAN
    running, waiting, kv = runtime.requests_running, runtime.requests_waiting, runtime.kv_cache_ratio
    return RuntimeSlot(
        runtime.runtime_id,
        runtime.kind,
        runtime.samples,
        runtime.up / n,
        runtime.stalled / n,
        running.mean,
        running.min,
        running.max,
        waiting.mean,
        waiting.max,
        waiting.last,
        kv.mean,
        kv.max,
        runtime.tokens_per_second.mean,
        runtime.slots,
        runtime.interval_s,
        runtime.prompt_tokens,
        runtime.generation_tokens,
        runtime.cached_prompt_tokens,
        runtime.requests_finished,
        runtime.requests_failed,
        runtime.preemptions,
        runtime.ttft_sum_s,
        runtime.ttft_count,
        runtime.e2e_sum_s,
        runtime.e2e_count,
        runtime.queue_sum_s,
        runtime.queue_count,
        runtime.models,
    )


def _model(model: ModelPane) -> ModelSlot:
    return ModelSlot(
        model.name,
        model.runtime_id,
        model.quantization,
        model.tokens_per_second.mean,
        model.wes.mean,
        model.vram_bytes,
        model.parameters,
        model.context_length,
        model.generation_tokens,
    )
