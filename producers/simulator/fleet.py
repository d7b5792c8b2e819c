"""The small fleet of the demonstration: one node of each kind that people have."""

from dataclasses import dataclass

from producers.simulator.demo_physics import GpuModel
from schemas.events.node_registered import (
    AvailableModel,
    CollectorInventory,
    GpuInventory,
    NodeRegistered,
    RuntimeInventory,
)
from schemas.events.reading import NAN

GB = 1e9
H100 = GpuModel("NVIDIA H100 80GB HBM3", "nvidia", 85.5 * GB, 72, 690, 700, 87, 1980, 0.065)
RTX_4090 = GpuModel("NVIDIA GeForce RTX 4090", "nvidia", 25.7 * GB, 22, 430, 400, 84, 2820, 0.11)
M3_ULTRA = GpuModel("Apple M3 Ultra", "apple", 206 * GB, 8, 150, 270, 105, 1400, 0.35)


@dataclass(frozen=True, slots=True)
class NodeModel:
    """A simulated node. ``speed``: tokens a second at full load, ``hot_gpu``: one cooled badly."""

    node_id: str
    runtime: str
    port: int
    model: str
    model_bytes: float
    speed: float
    slots: int
    cpu_model: str
    cpu_count: int
    memory_bytes: float
    gpu: GpuModel | None = None
    gpus: int = 0
    hot_gpu: int = -1
    os: str = "linux"

    @property
    def runtime_id(self) -> str:
        """Kind and port."""
        return f"{self.runtime}:{self.port}"

    @property
    def counts(self) -> bool:
        """Whether its runtime counts tokens and requests; Ollama does not."""
        return self.runtime != "ollama"

    def gpu_ids(self) -> tuple[str, ...]:
        """Return an id for each accelerator, the same in every run."""
        kind = "GPU" if self.gpu is None or self.gpu.vendor == "nvidia" else self.gpu.vendor.upper()
        number = sum(self.node_id.encode()) << 8
        return tuple(f"{kind}-{number + index:08x}" for index in range(self.gpus))


FLEET = (
    NodeModel("demo-h100-a", "vllm", 8000, "meta-llama/Llama-3.3-70B-Instruct", 141 * GB, 5200, 256,
              "Intel(R) Xeon(R) Platinum 8480C", 224, 2164 * GB, H100, 8),
    NodeModel("demo-h100-b", "vllm", 8000, "Qwen/Qwen3-235B-A22B-FP8", 236 * GB, 4100, 256,
              "AMD EPYC 9654 96-Core Processor", 384, 1623 * GB, H100, 8, hot_gpu=3),
    NodeModel("demo-4090", "ollama", 11434, "qwen2.5:14b", 10.8 * GB, 62, 4,
              "AMD Ryzen 9 7950X 16-Core Processor", 32, 67 * GB, RTX_4090, 1),
    NodeModel("demo-mac", "ollama", 11434, "gpt-oss:120b", 65.4 * GB, 58, 4,
              "Apple M3 Ultra", 32, 275 * GB, M3_ULTRA, 1, os="darwin"),
    NodeModel("demo-cpu", "llamacpp", 8080, "qwen2.5-3b-instruct-q4_k_m.gguf", 2.4 * GB, 21, 2,
              "Intel(R) Xeon(R) Gold 6430", 64, 270 * GB),
)  # fmt: skip


def registration(
    node: NodeModel, *, boot_id: str, at: int, version: str, interval_s: float
) -> NodeRegistered:
    """Return a node's registration; ``at`` µs since the epoch."""
    return NodeRegistered(
        node_id=node.node_id,
        fleet="demo",
        boot_id=boot_id,
        occurred_at=at,
        started_at=at,
        agent_version=version,
        hostname=node.node_id,
        machine_id=f"simulated {node.node_id}",
        os=node.os,
        os_version="",
        arch="aarch64" if node.os == "darwin" else "x86_64",
        container="",
        cpu_model=node.cpu_model,
        tags={"simulated": "yes"},
        cpu_count=float(node.cpu_count),
        cpu_physical_count=node.cpu_count / 2,
        cpu_capacity_cores=float(node.cpu_count),
        memory_total_bytes=node.memory_bytes,
        swap_total_bytes=0.0,
        interval_s=interval_s,
        gpus=tuple(_gpu(node, index, gpu_id) for index, gpu_id in enumerate(node.gpu_ids())),
        runtimes=(_runtime(node),),
        collectors=(CollectorInventory("simulator", "ok", "", ""),),
    )


def _gpu(node: NodeModel, index: int, gpu_id: str) -> GpuInventory:
    assert node.gpu is not None
    nvidia = node.gpu.vendor == "nvidia"
    return GpuInventory(
        gpu_id=gpu_id,
        uuid=f"{gpu_id}-0000-0000-0000-{index:012x}",
        nvml_index=index,
        vendor=node.gpu.vendor,
        name=node.gpu.name,
        bus_id=f"00000000:{index + 1:02X}:00.0" if nvidia else "",
        mig_parent="",
        driver_version="580.65.06" if nvidia else "",
        vbios_version="",
        compute_mode="default" if nvidia else "",
        unified_memory=not nvidia,
        memory_total_bytes=node.gpu.memory_bytes,
        power_limit_default_w=node.gpu.limit_w if nvidia else NAN,
        power_limit_max_w=node.gpu.limit_w if nvidia else NAN,
        temperature_slowdown_c=node.gpu.slowdown_c if nvidia else NAN,
        sm_clock_max_mhz=node.gpu.clock_max_mhz,
    )


def _runtime(node: NodeModel) -> RuntimeInventory:
    model = AvailableModel(node.model, "", "", "", loaded=True, size_bytes=node.model_bytes)
    return RuntimeInventory(
        runtime_id=node.runtime_id,
        kind=node.runtime,
        url=f"http://127.0.0.1:{node.port}",
        version="simulated",
        discovered_by="settings",
        container="",
        command_line="",
        pid=0,
        slots=float(node.slots),
        models=(model,),
    )
