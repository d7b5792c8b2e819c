"""What goes wrong on the timeline: each kind of fault changes something physical, never a reading.

``at_s`` counts from the start of the scenario; ``duration_s`` is infinite where it lasts to the end. Empty
``gpus`` means every accelerator of the node; an empty ``runtime_id`` every runtime. Names of nodes are those
of ``Scenario.nodes``: patterns of names and racks are resolved by the reader.
"""

import math
from dataclasses import dataclass
from typing import Literal

from producers.simulator.scenario.arrivals import TokenLengths


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What all faults have. ``nodes`` is empty only for faults of the log itself."""

    nodes: tuple[str, ...]
    at_s: float
    duration_s: float = math.inf

    @property
    def until_s(self) -> float:
        """When it is over, seconds from the start."""
        return self.at_s + self.duration_s


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuFault(Fault):
    """A fault of accelerators, by their index."""

    gpus: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeFault(Fault):
    """A fault of a runtime, such as ``vllm:8000``."""

    runtime_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FanFailure(GpuFault):
    """Fans move this share of their air. Without any GPU in the node: the fans of the CPU."""

    airflow_ratio: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dust(GpuFault):
    """The thermal resistance grows to this multiple, linearly over ``ramp_s``."""

    resistance_factor: float = 1.6
    ramp_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AmbientRise(Fault):
    """The air at the inlet gets warmer by ``rise_c`` kelvin, linearly over ``ramp_s``, and back likewise."""

    rise_c: float
    ramp_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerCap(GpuFault):
    """Each accelerator may draw at most ``limit_w``."""

    limit_w: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerBrake(GpuFault):
    """The power supply cannot hold: it asserts the boards' power brake for a share of each period."""

    period_s: float = 4.0
    share_ratio: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class PcieLinkDrop(GpuFault):
    """The link trains to fewer lanes, or to an older generation (0: the same)."""

    width: int
    generation: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryLeak(GpuFault):
    """A process takes ever more memory of the host or of the accelerators; gone at the end of the fault."""

    rate_bytes_per_s: float
    where: Literal["host", "vram"] = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapStorm(Fault):
    """A process takes ``memory_bytes`` of the host and touches it again at ``touch_bytes_per_s``."""

    memory_bytes: float
    touch_bytes_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KvPressure(RuntimeFault):
    """This share of the KV cache is taken and cannot be used for requests."""

    blocks_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LongPromptFlood(Fault):
    """A client sends long prompts to these nodes, besides the usual arrivals."""

    model: str
    rate_per_s: float
    prompt_tokens: TokenLengths
    output_tokens: TokenLengths
    patience_s: float = math.inf
    key: str = "flood"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisyNeighbour(GpuFault):
    """Another program on the machine takes a share of its CPU, its accelerators, its memory and its disk."""

    cpu_ratio: float = 0.0
    gpu_ratio: float = 0.0
    memory_bytes: float = 0.0
    vram_bytes: float = 0.0
    disk_bytes_per_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuOffload(RuntimeFault):
    """This share of the layers runs on the CPU: the accelerators wait for it."""

    layers_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineHang(RuntimeFault):
    """The engine makes no progress; its HTTP server still ``answers``, or does not."""

    answers: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineErrors(RuntimeFault):
    """This share of the requests fails in the runtime, with an answer of status 500."""

    error_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeCrash(RuntimeFault):
    """The process of the runtime is gone; at the end of the fault it starts and loads its models again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorFreeze(GpuFault):
    """A sensor repeats its last reading: ``gpu.temperature_c``, ``host.cpu_power_w``, ..."""

    reading: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorLoss(GpuFault):
    """A sensor gives no reading any more."""

    reading: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSkew(Fault):
    """The node's clock is set wrong by ``offset_s`` (> 0: ahead), drifts besides, and is set right after."""

    offset_s: float = 0.0
    drift_ppm: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPartition(Fault):
    """Nothing reaches the node and nothing leaves it; what its agent spooled arrives afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStall(Fault):
    """Nothing gets into the log, ticks included; all of it arrives afterwards. Its ``nodes`` are empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCrash(Fault):
    """The machine is without power: no word, no spool; it boots at the end of the fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRestart(Fault):
    """The agent is killed, and is away for ``duration_s``; it comes back with another boot id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSkew(Fault):
    """The agent is restarted with another version, and with its own again at the end."""

    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EccBurst(GpuFault):
    """Memory errors of accelerators; each uncorrected one is told by ``xid`` too (0: by none)."""

    corrected_per_s: float = 0.0
    uncorrected_per_s: float = 0.0
    xid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuLost(GpuFault):
    """Accelerators fall off the bus (XID 79) and with them what ran on them, until the fault is over."""


AnyFault = (
    FanFailure
    | Dust
    | AmbientRise
    | PowerCap
    | PowerBrake
    | PcieLinkDrop
    | MemoryLeak
    | SwapStorm
    | KvPressure
    | LongPromptFlood
    | NoisyNeighbour
    | CpuOffload
    | EngineHang
    | EngineErrors
    | RuntimeCrash
    | SensorFreeze
    | SensorLoss
    | ClockSkew
    | NetworkPartition
    | LogStall
    | NodeCrash
    | AgentRestart
    | VersionSkew
    | EccBurst
    | GpuLost
)
