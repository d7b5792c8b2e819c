"""Judge one sample in the light of what is remembered: its measures, the memory after it, the node_state."""

from collections.abc import Mapping
from typing import NamedTuple, cast

from processors.node import activity, cpu_thermal, idle_power, inference_state, speed, thermal_state, wes
from processors.node.inference_state import Inference
from processors.node.state import (
    Counts,
    Held,
    Hint,
    IdlePower,
    Measured,
    ModelPoints,
    Point,
    RuntimeSpeed,
    State,
)
from processors.node.thermal_state import Thermal
from schemas.events.node_sample import GpuSample, NodeSample, RuntimeSample
from schemas.events.node_state import (
    GpuState,
    InferenceState,
    ModelState,
    NodeState,
    RuntimeState,
    ThermalState,
)
from schemas.events.reading import NAN, known
from schemas.ids import derived_id

_CPU_ALONE = "cpu"


class Judged(NamedTuple):
    """The sample's measures and what is remembered after it; the speed and the power are smoothed."""

    measured: Measured
    idle: tuple[IdlePower, ...]
    points: tuple[Point, ...]
    models: tuple[ModelPoints, ...]
    inference: Held
    thermal: Held
    tokens_per_second: float
    power_w: float
    cpu: Thermal
    gpus: tuple[Thermal, ...]
    speeds: tuple[RuntimeSpeed, ...]


class _Heat(NamedTuple):
    cpu: Thermal
    gpus: tuple[Thermal, ...]
    whose: str
    worst: Thermal
    penalty: float


def judge(state: State, sample: NodeSample, arrived_at: int, pue: float) -> Judged:
    """Judge one sample that is neither a duplicate nor late."""
    known_idle = {idle.gpu_id: idle for idle in state.idle}
    idle_w = tuple(idle_power.learned_w(known_idle.get(gpu.gpu_id)) for gpu in sample.gpus)
    inference = inference_state.judge(sample, idle_w)
    heat = _heat(sample)
    speeds, remembered = speed.runtime_speeds(sample.runtimes, state.speeds, sample.occurred_at)
    point = Point(sample.occurred_at, activity.total(speeds), wes.power_w(sample))
    points = wes.smooth(state.points, point)
    models, model_points = _models(state, sample, speeds, point, pue, heat.penalty)
    speed_now = speed.mean_speed(points)
    power_now = wes.mean([each.power_w for each in points])
    measured = Measured(
        sample,
        arrived_at,
        inference.state,
        heat.worst.state,
        heat.penalty,
        point.tokens_per_second,
        point.power_w,
        wes.wes(speed_now, power_now, pue, heat.penalty),
        idle_w,
        tuple(gpu.state for gpu in heat.gpus),
        speeds,
        models,
    )
    return Judged(
        measured,
        _learn(state.idle, known_idle, sample, inference),
        points,
        model_points,
        _held(state.inference, inference.state, inference.reason, sample.occurred_at),
        _held(state.thermal, heat.worst.state, _reason(heat), sample.occurred_at),
        speed_now,
        power_now,
        heat.cpu,
        heat.gpus,
        remembered,
    )


def node_state(judged: Judged, totals: Counts, skew_s: float, pue: float, hint: Hint) -> NodeState:
    """Return what is known of the node after the sample."""
    measured = judged.measured
    sample = measured.sample
    host = sample.host
    return NodeState(
        derived_id("node_state", sample.node_id, sample.boot_id, sample.seq),
        sample.node_id,
        sample.fleet,
        sample.boot_id,
        sample.occurred_at,
        sample.seq,
        measured.arrived_at,
        cast(InferenceState, judged.inference.state),
        judged.inference.reason,
        judged.inference.since,
        cast(ThermalState, judged.thermal.state),
        judged.thermal.reason,
        judged.thermal.since,
        judged.cpu.state,
        hint.routing_hint,
        hint.source,
        measured.thermal_penalty,
        judged.tokens_per_second,
        judged.power_w,
        measured.wes,
        wes.wes(judged.tokens_per_second, judged.power_w, pue, 1.0),
        pue,
        _newest_probe(sample.runtimes),
        _sum(measured.idle_w),
        host.cpu_ratio,
        host.memory_available_bytes,
        host.memory_total_bytes,
        skew_s,
        sample.agent.spool_records,
        float(totals.samples),
        float(totals.duplicates),
        float(totals.missing),
        float(totals.late),
        float(totals.conflicts),
        tuple(map(_gpu_state, sample.gpus, judged.gpus, measured.idle_w)),
        tuple(map(_runtime_state, sample.runtimes, measured.runtime_speeds)),
        measured.models,
    )


def _heat(sample: NodeSample) -> _Heat:
    """Judge every accelerator; the CPU stands in for one where there is none."""
    cpu = cpu_thermal.judge(sample.host)
    gpus = tuple(map(thermal_state.of_gpu, sample.gpus))
    chip = thermal_state.of_apple(sample.host.thermal_pressure)
    if chip.state != "unknown":
        return _Heat(cpu, gpus, "soc", chip, chip.penalty)
    if not gpus:
        return _Heat(cpu, gpus, _CPU_ALONE, cpu, cpu.penalty)
    whose, worst = thermal_state.worst(
        [(gpu.gpu_id, heat) for gpu, heat in zip(sample.gpus, gpus, strict=True)]
    )
    watts = [gpu.power_w for gpu in sample.gpus]
    return _Heat(cpu, gpus, whose, worst, thermal_state.combined_penalty([g.penalty for g in gpus], watts))


def _reason(heat: _Heat) -> str:
    return (
        heat.worst.reason
        if heat.worst.state in ("unknown", "normal")
        else f"{heat.whose}: {heat.worst.reason}"
    )


def _models(
    state: State, sample: NodeSample, speeds: tuple[float, ...], point: Point, pue: float, penalty: float
) -> tuple[tuple[ModelState, ...], tuple[ModelPoints, ...]]:
    loaded = [(runtime.runtime_id, model) for runtime in sample.runtimes for model in runtime.models]
    if not loaded:
        return (), ()
    each = [
        one
        for runtime, runtime_speed in zip(sample.runtimes, speeds, strict=True)
        for one in speed.model_speeds(runtime, runtime_speed)
    ]
    shares = speed.power_shares([model for _, model in loaded], each)
    points = tuple(
        speed.remember(
            state.models, runtime_id, model.name, Point(point.occurred_at, one, point.power_w * share)
        )
        for (runtime_id, model), one, share in zip(loaded, each, shares, strict=True)
    )
    states = tuple(
        speed.model_state(one, model, share, pue, penalty)
        for one, (_, model), share in zip(points, loaded, shares, strict=True)
    )
    return states, points


def _learn(
    idle: tuple[IdlePower, ...], known_idle: Mapping[str, IdlePower], sample: NodeSample, inference: Inference
) -> tuple[IdlePower, ...]:
    """Return the idle power of every accelerator ever seen; one that is lost is not forgotten."""
    if inference.state == "live" or any(runtime.probes_running > 0 for runtime in sample.runtimes):
        return idle
    after = dict(known_idle)
    for gpu in sample.gpus:
        learned = idle_power.learn(known_idle.get(gpu.gpu_id), gpu)
        if learned is not None:
            after[gpu.gpu_id] = learned
    return tuple(after[gpu_id] for gpu_id in sorted(after))


def _held(before: Held, state: str, reason: str, occurred_at: int) -> Held:
    if before.since and before.state == state:
        return before if before.reason == reason else Held(state, reason, before.since)
    return Held(state, reason, occurred_at)


def _sum(values: tuple[float, ...]) -> float:
    return activity.total(values) if all(map(known, values)) else NAN


def _newest_probe(runtimes: tuple[RuntimeSample, ...]) -> float:
    probed = [runtime for runtime in runtimes if known(runtime.probe_tokens_per_second)]
    if not probed:
        return NAN
    return min(
        probed, key=lambda runtime: (not known(runtime.probe_age_s), runtime.probe_age_s)
    ).probe_tokens_per_second


def _gpu_state(gpu: GpuSample, heat: Thermal, idle_w: float) -> GpuState:
    return GpuState(
        gpu.gpu_id,
        gpu.status,
        heat.state,
        gpu.utilization_ratio,
        gpu.memory_used_bytes,
        gpu.memory_total_bytes,
        gpu.temperature_c,
        gpu.power_w,
        idle_w,
        heat.penalty,
        gpu.throttle_reasons,
    )


def _runtime_state(runtime: RuntimeSample, speed_now: float) -> RuntimeState:
    return RuntimeState(
        runtime.runtime_id,
        runtime.kind,
        runtime.status,
        runtime.requests_running,
        runtime.requests_waiting,
        runtime.slots,
        runtime.kv_cache_ratio,
        speed_now,
        runtime.ttft_sum_s / runtime.ttft_count if runtime.ttft_count > 0 else NAN,
        runtime.probe_tokens_per_second,
        runtime.age_s,
    )
