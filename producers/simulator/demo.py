"""One second in the life of a simulated node: a pure step from state and time to state and sample.

What comes out are facts of the same kind as a real node's; what the stages make of them is not scripted.
"""

import math
from dataclasses import dataclass, replace

from producers.simulator.demo_physics import GpuMoment, GpuState, gpu_moment, heat, load, noise
from producers.simulator.fleet import NodeModel
from schemas.events.node_sample import (
    AgentSample,
    GpuSample,
    HostSample,
    LoadedModel,
    NodeSample,
    RuntimeSample,
)
from schemas.events.reading import NAN

AMBIENT_C = 24.0
_BAD_COOLING = 1.55
_TOKENS_PER_REQUEST = 240.0
_CPU_IDLE_W, _CPU_FULL_W = 55.0, 270.0
_CPU_RESISTANCE, _CPU_TIME_CONSTANT_S = 0.2, 25.0
_KEEP_ALIVE_S = 300.0


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a simulated node remembers; times are seconds since the epoch."""

    boot_id: str
    began_s: float
    at_s: float
    seq: int
    gpus: tuple[GpuState, ...]
    cpu: GpuState
    active_s: float = -math.inf


def begin(node: NodeModel, *, boot_id: str, at_s: float) -> NodeState:
    """Return a node that was just switched on."""
    cold = GpuState(AMBIENT_C + 8)
    return NodeState(boot_id, at_s, at_s, 0, (cold,) * node.gpus, cold)


def step(node: NodeModel, state: NodeState, at_s: float, seed: int = 0) -> tuple[NodeState, NodeSample]:
    """Return the node at ``at_s``, which is later than the state, and its sample."""
    dt_s = max(0.0, at_s - state.at_s)
    demand = load(seed, node.node_id, at_s)
    moments = _moments(node, state, demand, at_s, seed)
    sample = NodeSample(
        node_id=node.node_id,
        fleet="demo",
        boot_id=state.boot_id,
        occurred_at=round(at_s * 1e6),
        seq=state.seq,
        spooled=False,
        agent=AgentSample(at_s - state.began_s, 0.004, 60e6, 0.0, 0.0, 0.0, 0.0, 0.0),
        host=_host(node, state, moments, demand),
        gpus=_gpus(node, state, moments),
        runtimes=(_runtime(node, state, moments, demand, at_s, dt_s),),
    )
    after = replace(
        state,
        at_s=at_s,
        seq=state.seq + 1,
        gpus=_heated(node, state, moments, dt_s),
        cpu=heat(state.cpu, _cpu_w(node, demand), _CPU_RESISTANCE, _CPU_TIME_CONSTANT_S, AMBIENT_C, dt_s),
        active_s=at_s if demand > 0 else state.active_s,
    )
    return after, sample


def _moments(
    node: NodeModel, state: NodeState, demand: float, at_s: float, seed: int
) -> tuple[GpuMoment, ...]:
    if node.gpu is None:
        return ()
    shares = [1 + 0.03 * noise(seed, node.node_id, index, math.floor(at_s)) for index in range(node.gpus)]
    return tuple(
        gpu_moment(node.gpu, gpu, min(1.0, demand * share))
        for gpu, share in zip(state.gpus, shares, strict=True)
    )


def _heated(
    node: NodeModel, state: NodeState, moments: tuple[GpuMoment, ...], dt_s: float
) -> tuple[GpuState, ...]:
    if node.gpu is None:
        return ()
    model = node.gpu
    resistances = [
        model.resistance * (_BAD_COOLING if index == node.hot_gpu else 1 + 0.02 * (index % 4))
        for index in range(node.gpus)
    ]
    return tuple(
        heat(gpu, moment.power_w, resistance, model.time_constant_s, AMBIENT_C, dt_s)
        for gpu, moment, resistance in zip(state.gpus, moments, resistances, strict=True)
    )


def _gpus(node: NodeModel, state: NodeState, moments: tuple[GpuMoment, ...]) -> tuple[GpuSample, ...]:
    if node.gpu is None:
        return ()
    model, nvidia = node.gpu, node.gpu.vendor == "nvidia"
    used = min(0.92 * model.memory_bytes, node.model_bytes / node.gpus + 4e9)
    return tuple(
        GpuSample(
            gpu_id,
            "ok",
            utilization_ratio=moment.utilization,
            memory_utilization_ratio=moment.utilization * 0.7 if nvidia else NAN,
            memory_used_bytes=used,
            memory_total_bytes=model.memory_bytes,
            temperature_c=round(gpu.temperature_c) if nvidia else NAN,
            temperature_slowdown_c=model.slowdown_c if nvidia else NAN,
            power_w=moment.power_w if nvidia else NAN,  # Apple tells the whole chip's: host.soc_power_w
            power_limit_w=model.limit_w if nvidia else NAN,
            energy_j=gpu.energy_j if nvidia else NAN,
            sm_clock_mhz=moment.clock * model.clock_max_mhz,
            sm_clock_max_mhz=model.clock_max_mhz,
            age_s=0.0,
            throttle_reasons=moment.reasons if nvidia else -1,
        )
        for gpu_id, gpu, moment in zip(node.gpu_ids(), state.gpus, moments, strict=True)
    )


def _host(node: NodeModel, state: NodeState, moments: tuple[GpuMoment, ...], demand: float) -> HostSample:
    apple = node.os == "darwin"
    cpu_ratio = _cpu_ratio(node, demand)
    used = node.memory_bytes * 0.12 + (node.model_bytes if apple or node.gpu is None else 0.0)
    return HostSample(
        cpu_ratio=cpu_ratio,
        load_1m=cpu_ratio * node.cpu_count,
        memory_total_bytes=node.memory_bytes,
        memory_used_bytes=used,
        memory_available_bytes=node.memory_bytes - used,
        swap_used_bytes=0.0,
        swap_out_bytes_per_s=0.0,
        disk_free_bytes=8e11,
        cpu_temperature_c=NAN if apple else state.cpu.temperature_c,
        cpu_clock_ratio=NAN if apple else 0.97,
        cpu_power_w=NAN if apple else _cpu_w(node, demand),
        soc_power_w=sum(moment.power_w for moment in moments) + 20 * cpu_ratio if apple else NAN,
        age_s=0.0,
        clock_synchronized="yes",
        thermal_pressure="nominal" if apple else "",
    )


def _runtime(
    node: NodeModel,
    state: NodeState,
    moments: tuple[GpuMoment, ...],
    demand: float,
    at_s: float,
    dt_s: float,
) -> RuntimeSample:
    active_s = at_s if demand > 0 else state.active_s
    model = LoadedModel(
        node.model,
        size_bytes=node.model_bytes,
        vram_bytes=node.model_bytes if node.gpu else 0.0,
        context_length=8192.0,
        expires_in_s=NAN if node.counts else _KEEP_ALIVE_S,
    )
    sample = RuntimeSample(
        node.runtime_id,
        node.runtime,
        "up",
        last_activity_age_s=NAN if node.counts or math.isinf(active_s) else at_s - active_s,
        age_s=0.0,
        models=(model,),
    )
    return _counted(sample, node, moments, demand, dt_s) if node.counts else sample


def _counted(
    sample: RuntimeSample, node: NodeModel, moments: tuple[GpuMoment, ...], demand: float, dt_s: float
) -> RuntimeSample:
    """Add what a runtime that counts tells; the slowest GPU of a tensor-parallel group sets the pace."""
    pace = min((moment.clock for moment in moments), default=1.0)
    tokens = node.speed * demand * pace * dt_s
    finished = tokens / _TOKENS_PER_REQUEST
    queue_s = 4.0 * max(0.0, demand - 0.85)
    return sample._replace(
        requests_running=float(round(node.slots * demand * 0.9)),
        requests_waiting=float(round(node.slots * max(0.0, demand - 0.9))),
        slots=float(node.slots),
        kv_cache_ratio=min(1.0, 0.05 + 0.9 * demand),
        interval_s=dt_s,
        prompt_tokens=float(round(tokens * 2.5)),
        generation_tokens=float(round(tokens)),
        requests_finished=finished,
        requests_failed=0.0,
        preemptions=0.0,
        ttft_sum_s=finished * (0.12 + queue_s),
        ttft_count=finished,
        e2e_sum_s=finished * (4.0 / pace + queue_s),
        e2e_count=finished,
        queue_sum_s=finished * queue_s,
        queue_count=finished,
    )


def _cpu_ratio(node: NodeModel, demand: float) -> float:
    return 0.02 + demand * (0.08 if node.gpu else 0.9)


def _cpu_w(node: NodeModel, demand: float) -> float:
    return _CPU_IDLE_W + (_CPU_FULL_W - _CPU_IDLE_W) * _cpu_ratio(node, demand)
