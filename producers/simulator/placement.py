"""Where a model's weights and cache go, and how fast it runs there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from producers.simulator.gpu import Gpu
from producers.simulator.hardware.cpus import Cpu
from producers.simulator.hardware.models import Shape
from producers.simulator.kinds import Kind
from producers.simulator.physics.decode import Rig
from producers.simulator.physics.kv import KvCache, capacity_tokens
from producers.simulator.scenario.machines import Runtime

GB = 1e9
# Buffers of a runtime on each accelerator, besides weights and cache.
_BUFFERS_BYTES = 0.6 * GB
_ACTIVATIONS_BYTES = 1.5 * GB
# Processors: shares of bandwidth and arithmetic that kernels reach, and cores that work at once.
_CPU_BANDWIDTH_SHARE = 0.42
_CPU_FLOPS_SHARE = 0.45
# Two exchanges in each layer, by NVLink or by PCIe at 16 lanes.
_NVLINK_S, _PCIE_S = 7e-6, 22e-6
# What accelerators reach together of what each reaches alone.
_TOGETHER = 0.90
# Experts lie scattered in memory: what of the bandwidth is reached when they are gathered.
_SCATTERED = 0.55
_LANES = 16


@dataclass(frozen=True, slots=True)
class Placement:
    """A model in memory.

    ``gpu_bytes`` on each of ``gpus``; ``gpu_ratio`` is the part of a step in which each of them works, and
    ``cpu_ratio`` the part in which the processor does; ``spilled`` is the share that found no room on them.
    """

    gpus: tuple[Gpu, ...]
    gpu_bytes: float
    host_bytes: float
    rig: Rig
    cache: KvCache
    gpu_ratio: float
    cpu_ratio: float
    spilled: float = 0.0

    @property
    def bytes(self) -> float:
        """Bytes everywhere."""
        return self.gpu_bytes * len(self.gpus) + self.host_bytes


def place(
    kind: Kind, spec: Runtime, model: Shape, gpus: Sequence[Gpu], cpu: Cpu, offload: float
) -> Placement:
    """Return where a model goes; ``offload`` of its layers at least run on the processor."""
    if not gpus:
        return _on_cpu(kind, spec, model, cpu)
    if kind.paged:
        return _reserved(kind, spec, model, tuple(gpus), cpu, offload)
    return _layered(kind, spec, model, tuple(gpus), cpu, offload)


def moved(placement: Placement, kind: Kind, model: Shape, cpu: Cpu, offload: float) -> Placement:
    """Return a placement where the links are other ones now, or more layers run on the processor."""
    gpus = placement.gpus
    on_cpu = max(offload, placement.spilled)
    rig = (
        _tensor_rig(kind, model, gpus, cpu, on_cpu)
        if kind.paged
        else _layer_rig(kind, model, gpus, cpu, on_cpu)
    )
    gpu_ratio, cpu_ratio = _ratios(rig, model)
    shared = 1 if kind.paged else len(gpus)
    return replace(placement, rig=rig, gpu_ratio=gpu_ratio / shared, cpu_ratio=cpu_ratio)


def room_bytes(kind: Kind, spec: Runtime, model: Shape) -> float:
    """Return what a model needs in memory, cache and buffers included, where nothing is reserved."""
    return model.weights_bytes + model.kv_bytes_per_token * model.context_tokens * spec.slots + _BUFFERS_BYTES


def _on_cpu(kind: Kind, spec: Runtime, model: Shape, cpu: Cpu) -> Placement:
    cache_tokens = float(model.context_tokens * spec.slots)
    held = model.weights_bytes + model.kv_bytes_per_token * cache_tokens + _BUFFERS_BYTES
    rig = Rig(
        cpu.bandwidth_bytes_per_s * _CPU_BANDWIDTH_SHARE * _gathering(model),
        cpu.flops * _CPU_FLOPS_SHARE,
        kind.layer_s * model.layers,
        kind.request_s,
    )
    return Placement((), 0.0, held, rig, KvCache(cache_tokens), 0.0, 1.0)


def _reserved(
    kind: Kind, spec: Runtime, model: Shape, gpus: tuple[Gpu, ...], cpu: Cpu, offload: float
) -> Placement:
    """Share every layer, and take all the memory that the settings allow."""
    chip, count = gpus[0].chip, len(gpus)
    each = chip.memory_bytes * spec.memory_ratio
    free = (each - _ACTIVATIONS_BYTES) * count
    tokens = capacity_tokens(free, model.weights_bytes, model.kv_bytes_per_token)
    rig = _tensor_rig(kind, model, gpus, cpu, offload)
    gpu_ratio, cpu_ratio = _ratios(rig, model)
    return Placement(gpus, each, model.weights_bytes * offload, rig, KvCache(tokens), gpu_ratio, cpu_ratio)


def _layered(
    kind: Kind, spec: Runtime, model: Shape, gpus: tuple[Gpu, ...], cpu: Cpu, offload: float
) -> Placement:
    """Give whole layers to accelerators, one if it has room; what fits nowhere runs on the processor."""
    need = room_bytes(kind, spec, model)
    if kind.on_demand:
        best = max(gpus, key=lambda gpu: (gpu.memory_free_bytes, -gpu.index))
        gpus = (best,) if best.memory_free_bytes >= need else gpus
    free = sum(max(0.0, gpu.memory_free_bytes) for gpu in gpus)
    need += _BUFFERS_BYTES * (len(gpus) - 1)
    on_cpu = min(1.0, max(offload, 1.0 - free / need))
    rig = _layer_rig(kind, model, gpus, cpu, on_cpu)
    gpu_ratio, cpu_ratio = _ratios(rig, model)
    each = need * (1.0 - on_cpu) / len(gpus)
    tokens = float(model.context_tokens * spec.slots)
    cache = KvCache(tokens)
    return Placement(
        gpus, each, need * on_cpu, rig, cache, gpu_ratio / len(gpus), cpu_ratio, max(0.0, 1.0 - free / need)
    )


def _tensor_rig(kind: Kind, model: Shape, gpus: tuple[Gpu, ...], cpu: Cpu, on_cpu: float) -> Rig:
    chip, count = gpus[0].chip, len(gpus)
    exchange_s = 0.0
    if count > 1:
        slow = _LANES / min(gpu.pcie_width for gpu in gpus)
        exchange_s = 2 * model.layers * (_NVLINK_S if chip.nvlinks else _PCIE_S * slow)
    speed = kind.bandwidth_share * (count * _TOGETHER if count > 1 else 1.0)
    return _rig(kind, model, gpus[0], cpu, speed, kind.flops_share * count, exchange_s, on_cpu)


def _layer_rig(kind: Kind, model: Shape, gpus: tuple[Gpu, ...], cpu: Cpu, on_cpu: float) -> Rig:
    # What crosses a link between layers is small; layers on the processor send it twice in each step.
    linked = [gpu for gpu in gpus if gpu.chip.pcie_generation]
    slow = _LANES / min(gpu.pcie_width for gpu in linked) if linked else 1.0
    exchange_s = 2 * _PCIE_S * slow * (len(gpus) - 1 + (1 if on_cpu > 0.0 else 0))
    return _rig(kind, model, gpus[0], cpu, kind.bandwidth_share, kind.flops_share, exchange_s, on_cpu)


def _rig(kind: Kind, model: Shape, gpu: Gpu, cpu: Cpu, bandwidths: float, flops: float, exchange_s: float,
         on_cpu: float) -> Rig:  # fmt: skip
    return Rig(
        gpu.chip.bandwidth_bytes_per_s * bandwidths * _gathering(model),
        gpu.chip.flops * flops,
        kind.layer_s * model.layers + exchange_s,
        kind.request_s,
        on_cpu,
        cpu.bandwidth_bytes_per_s * _CPU_BANDWIDTH_SHARE * _gathering(model),
        cpu.flops * _CPU_FLOPS_SHARE,
    )


def _gathering(model: Shape) -> float:
    return _SCATTERED if model.active_parameters < model.parameters else 1.0


def _ratios(rig: Rig, model: Shape) -> tuple[float, float]:
    """Return the parts of a step in which accelerators and processor work: one waits for the other."""
    gpu_s = (1.0 - rig.cpu_share) * model.active_bytes / rig.bandwidth_bytes_per_s
    cpu_s = rig.cpu_share * model.active_bytes / rig.cpu_bandwidth_bytes_per_s
    return gpu_s / (gpu_s + cpu_s), cpu_s / (gpu_s + cpu_s)
