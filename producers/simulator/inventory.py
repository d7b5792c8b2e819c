"""The registration of a simulated node: what an agent finds of it at the start, and when it changes."""

from collections.abc import Sequence

from producers.simulator.draws import hex_digits
from producers.simulator.gpu import Gpu
from producers.simulator.hardware.models import shape
from producers.simulator.machine import Machine
from producers.simulator.readings.reports import collectors
from producers.simulator.scenario.machines import Model
from producers.simulator.server import Server
from schemas.events.node_registered import (
    AvailableModel,
    CollectorInventory,
    GpuInventory,
    NodeRegistered,
    RuntimeInventory,
)
from schemas.events.reading import NAN

_LINUX = ("linux", "6.8.0-85-generic", "x86_64")
_DARWIN = ("darwin", "24.6.0", "arm64")
DRIVER = "580.65.06"


def registration(
    machine: Machine, *, fleet: str, boot_id: str, version: str, started_at: int, at: int, interval_s: float,
    servers: Sequence[Server], seed: int,
) -> NodeRegistered:  # fmt: skip
    """Return the registration of this moment; ``servers`` are those that the agent has found."""
    node, host = machine.node, machine.host
    os, os_version, arch = _DARWIN if machine.apple else _LINUX
    tags = {"simulated": "yes", **({"rack": node.rack} if node.rack else {}), **dict(node.tags)}
    return NodeRegistered(
        node.name,
        fleet,
        boot_id,
        at,
        started_at,
        version,
        node.name,
        hex_digits(seed, "machine", node.name, digits=64),
        os,
        os_version,
        arch,
        "",
        host.cpu.name,
        tags,
        float(host.cpu.threads),
        float(host.cpu.cores),
        float(host.cpu.threads),
        node.memory_bytes,
        node.swap_bytes,
        interval_s,
        tuple([_gpu(gpu, machine) for gpu in machine.gpus]),
        tuple([_runtime(server) for server in servers]),
        tuple([CollectorInventory(name, "ok", "", "") for name in collectors(machine, servers)]),
    )


def _gpu(gpu: Gpu, machine: Machine) -> GpuInventory:
    chip = gpu.chip
    if chip.vendor == "apple":
        return GpuInventory(
            gpu.gpu_id, "", -1, "apple", chip.name, "", "", "", "", "", unified_memory=True,
            memory_total_bytes=chip.memory_bytes,
        )  # fmt: skip
    return GpuInventory(
        gpu.gpu_id,
        gpu.uuid,
        gpu.index,
        "nvidia",
        chip.name,
        f"00000000:{0x11 + 0x0A * gpu.index:02X}:00.0",
        "",
        machine.node.driver_version or DRIVER,
        "96.00.A5.00.01",
        "default",
        chip.unified,
        chip.memory_bytes,
        chip.limit_w,
        chip.limit_min_w,
        chip.limit_w,
        chip.slowdown_c,
        chip.shutdown_c,
        chip.memory_max_c,
        chip.max_clock_mhz,
        chip.memory_clock_mhz,
        float(gpu.slot_generation),
        float(gpu.slot_width),
        1.0 if chip.ecc else NAN,
    )


def _runtime(server: Server) -> RuntimeInventory:
    spec, kind = server.spec, server.kind
    everything = kind.tells_expiry or spec.kind == "lmstudio"  # what is on disk too
    names = server.catalogue if everything else server.loaded
    return RuntimeInventory(
        spec.runtime_id,
        spec.kind,
        f"http://127.0.0.1:{spec.port}",
        kind.version,
        "default",
        "",
        "",
        0 if spec.kind in ("ollama", "lmstudio") else 1000 + spec.port,
        float(spec.slots) if kind.tells_slots else NAN,
        tuple([_model(server, server.catalogue[name]) for name in names]),
    )


def _model(server: Server, model: Model) -> AvailableModel:
    what, kind = shape(model), server.spec.kind
    loaded = model.name in server.loaded
    if kind in ("vllm", "sglang", "openai"):
        context = NAN if kind == "openai" else float(what.context_tokens)
        return AvailableModel(model.name, "", "", "", loaded, context_length=context)
    ollama = kind == "ollama"
    known = kind in ("ollama", "lmstudio")
    return AvailableModel(
        model.name,
        hex_digits(0, "digest", model.name, model.quantization, digits=64) if ollama else "",
        what.architecture if known else "",
        model.quantization.upper(),
        loaded,
        float(int(what.weights_bytes)),
        what.parameters,
        float(what.context_tokens),
        float(what.layers) if ollama else NAN,
        float(what.heads) if ollama else NAN,
        float(what.kv_heads) if ollama else NAN,
        float(what.heads * what.head_dim) if ollama else NAN,
    )
