"""What goes wrong, as a file describes it: one form for each kind, the fields of which are its own."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from producers.simulator.scenario import faults
from producers.simulator.scenario.form.arrivals import LengthsForm, PositiveRate
from producers.simulator.scenario.form.base import Form, Name, Ratio
from producers.simulator.scenario.form.units import (
    ByteRate,
    Duration,
    Forever,
    Indices,
    Names,
    Rate,
    SignedDuration,
    Size,
    Watts,
)
from producers.simulator.scenario.problem import one_of
from schemas.events.node_sample import GpuSample, HostSample

READINGS = tuple(
    f"{of}.{name}"
    for of, view in (("gpu", GpuSample), ("host", HostSample))
    for name, kind in view.__annotations__.items()
    if kind is float and name not in ("age_s", "clock_offset_s")
)
Memory = Annotated[Size, Field(ge=0, le=32e12)]


def _known_reading(value: str) -> str:
    if value not in READINGS:
        raise ValueError(f"no reading is called {value!r}{one_of(value, READINGS)}")
    return value


Reading = Annotated[str, AfterValidator(_known_reading)]


class FaultForm(Form):
    """What all faults have."""

    makes: ClassVar[type[faults.AnyFault]]
    node: Names | None = Field(None, description="nodes, by name or wildcard; or rack")
    rack: Names | None = Field(None, description="all nodes of these racks")
    at_s: Duration = Field(alias="at", description="when it begins, from the start")
    duration_s: Annotated[Forever, Field(gt=0)] = Field(
        float("inf"), alias="for", description="how long it lasts; left out: to the end"
    )


class GpuFaultForm(FaultForm):
    """What faults of accelerators have."""

    gpus: Indices = Field([], alias="gpu", description="accelerators, from 0; left out: all of the node")


class RuntimeFaultForm(FaultForm):
    """What faults of runtimes have."""

    runtime: str = Field("", description="such as vllm:8000; left out: every runtime of the node")


class FanFailureForm(GpuFaultForm):
    """Fans stand still or turn too slowly; of a node without accelerators, those of the CPU."""

    makes = faults.FanFailure
    kind: Literal["fan_failure"]
    airflow_ratio: Ratio = Field(0.0, alias="airflow", description="share of the air that they still move")


class DustForm(GpuFaultForm):
    """Dust, or thermal paste that dries: heat leaves the accelerators ever more slowly."""

    makes = faults.Dust
    kind: Literal["dust"]
    resistance_factor: float = Field(
        1.6, alias="resistance", gt=1, le=10, description="multiple that the thermal resistance grows to"
    )
    ramp_s: Duration = Field(0.0, alias="over", description="how long that takes")


class AmbientRiseForm(FaultForm):
    """The air at the inlets gets warmer, as when the cooling of a rack fails."""

    makes = faults.AmbientRise
    kind: Literal["ambient_rise"]
    rise_c: float = Field(gt=0, le=60, description="kelvin")
    ramp_s: Duration = Field(
        0.0, alias="over", description="how long it takes to rise, and to fall afterwards"
    )


class PowerCapForm(GpuFaultForm):
    """Somebody lowers the power limit."""

    makes = faults.PowerCap
    kind: Literal["power_cap"]
    limit_w: Watts = Field(alias="limit", description="power that each accelerator may draw")


class PowerBrakeForm(GpuFaultForm):
    """The power supply cannot hold, and brakes the boards again and again."""

    makes = faults.PowerBrake
    kind: Literal["power_brake"]
    period_s: Annotated[Duration, Field(gt=0)] = Field(
        4.0, alias="period", description="from one braking to the next"
    )
    share_ratio: Annotated[float, Field(gt=0, le=1)] = Field(
        0.5, alias="share", description="share of each period with the brake on"
    )


class PcieLinkDropForm(GpuFaultForm):
    """The PCIe link has trained to fewer lanes or an older generation."""

    makes = faults.PcieLinkDrop
    kind: Literal["pcie_link_drop"]
    width: Literal[1, 2, 4, 8, 16] = Field(description="lanes that are left")
    generation: int = Field(0, ge=0, le=6, description="PCIe generation; 0: as before")


class MemoryLeakForm(GpuFaultForm):
    """A process takes ever more memory, until the fault ends."""

    makes = faults.MemoryLeak
    kind: Literal["memory_leak"]
    rate_bytes_per_s: Annotated[ByteRate, Field(gt=0, le=1e11)] = Field(alias="rate", description="how fast")
    where: Literal["host", "vram"] = Field("host", description="memory of the host or of the accelerators")


class SwapStormForm(FaultForm):
    """A process takes more memory than there is, and keeps touching it."""

    makes = faults.SwapStorm
    kind: Literal["swap_storm"]
    memory_bytes: Memory = Field(alias="memory", description="memory that it takes")
    touch_bytes_per_s: Annotated[ByteRate, Field(gt=0, le=1e12)] = Field(
        alias="touches", description="how fast it goes through it"
    )


class KvPressureForm(RuntimeFaultForm):
    """A share of the KV cache is taken, and cannot be used for requests."""

    makes = faults.KvPressure
    kind: Literal["kv_pressure"]
    blocks_ratio: Ratio = Field(alias="blocks", description="share that is taken")


class CpuOffloadForm(RuntimeFaultForm):
    """A share of the layers runs on the CPU, and the accelerators wait for it."""

    makes = faults.CpuOffload
    kind: Literal["cpu_offload"]
    layers_ratio: Ratio = Field(alias="layers", description="share of the layers")


class LongPromptFloodForm(FaultForm):
    """A client sends long prompts, besides the usual arrivals."""

    makes = faults.LongPromptFlood
    kind: Literal["long_prompt_flood"]
    model: Name = Field(description="model that is asked for")
    rate_per_s: PositiveRate = Field(alias="rate", description="how often")
    prompt_tokens: LengthsForm = Field(description="length of the prompts")
    output_tokens: LengthsForm = Field(description="length of the answers")
    patience_s: Annotated[Forever, Field(gt=0)] = Field(
        float("inf"), alias="patience", description="as in arrivals"
    )
    key: str = Field("flood", description="API key's name")


class NoisyNeighbourForm(GpuFaultForm):
    """Another program on the machine takes its share."""

    makes = faults.NoisyNeighbour
    kind: Literal["noisy_neighbour"]
    cpu_ratio: Ratio = Field(0.0, alias="cpu", description="share of the CPU")
    gpu_ratio: Ratio = Field(0.0, alias="gpu_share", description="share of the accelerators' time")
    memory_bytes: Memory = Field(0.0, alias="memory", description="memory")
    vram_bytes: Memory = Field(0.0, alias="vram", description="memory of each accelerator")
    disk_bytes_per_s: Annotated[ByteRate, Field(le=1e11)] = Field(
        0.0, alias="disk", description="disk traffic"
    )


class EngineHangForm(RuntimeFaultForm):
    """The engine makes no progress any more."""

    makes = faults.EngineHang
    kind: Literal["engine_hang"]
    answers: bool = Field(True, description="whether its HTTP server still answers")


class EngineErrorsForm(RuntimeFaultForm):
    """A share of the requests fails with status 500."""

    makes = faults.EngineErrors
    kind: Literal["engine_errors"]
    error_ratio: Annotated[float, Field(gt=0, le=1)] = Field(alias="share", description="share that fails")


class RuntimeCrashForm(RuntimeFaultForm):
    """The process of the runtime is gone; it starts again when the fault ends."""

    makes = faults.RuntimeCrash
    kind: Literal["runtime_crash"]


class SensorFreezeForm(GpuFaultForm):
    """A sensor repeats its last reading."""

    makes = faults.SensorFreeze
    kind: Literal["sensor_freeze"]
    reading: Reading = Field(description="such as gpu.temperature_c or host.cpu_power_w")


class SensorLossForm(GpuFaultForm):
    """A sensor gives no reading any more."""

    makes = faults.SensorLoss
    kind: Literal["sensor_loss"]
    reading: Reading = Field(description="such as gpu.temperature_c or host.cpu_power_w")


class ClockSkewForm(FaultForm):
    """The node's clock is set wrong, or drifts, and is set right when the fault ends."""

    makes = faults.ClockSkew
    kind: Literal["clock_skew"]
    offset_s: Annotated[SignedDuration, Field(ge=-86_400, le=86_400)] = Field(
        0.0, alias="offset", description="> 0: ahead"
    )
    drift_ppm: float = Field(0.0, ge=-100_000, le=100_000, description="µs that it gains each second")


class NetworkPartitionForm(FaultForm):
    """Nothing reaches the node and nothing leaves it; what its agent spooled arrives afterwards."""

    makes = faults.NetworkPartition
    kind: Literal["network_partition"]


class LogStallForm(FaultForm):
    """Nothing gets into the log, ticks included; all of it arrives afterwards. Has neither node nor rack."""

    makes = faults.LogStall
    kind: Literal["log_stall"]


class NodeCrashForm(FaultForm):
    """The machine is without power; it boots when the fault ends."""

    makes = faults.NodeCrash
    kind: Literal["node_crash"]


class AgentRestartForm(FaultForm):
    """The agent is killed, and comes back when the fault ends."""

    makes = faults.AgentRestart
    kind: Literal["agent_restart"]


class VersionSkewForm(FaultForm):
    """The agent is restarted with another version, and with its own again when the fault ends."""

    makes = faults.VersionSkew
    kind: Literal["version_skew"]
    version: Name = Field(description="the other version")


class EccBurstForm(GpuFaultForm):
    """Errors of the accelerators' memory."""

    makes = faults.EccBurst
    kind: Literal["ecc_burst"]
    corrected_per_s: Annotated[Rate, Field(le=1e6)] = Field(
        0.0, alias="corrected", description="corrected errors"
    )
    uncorrected_per_s: Annotated[Rate, Field(le=1e3)] = Field(
        0.0, alias="uncorrected", description="uncorrected errors"
    )
    xid: int = Field(
        0, ge=0, le=999, description="XID that the driver reports with uncorrected ones; 0: none"
    )


class GpuLostForm(GpuFaultForm):
    """Accelerators fall off the bus, and with them what ran on them."""

    makes = faults.GpuLost
    kind: Literal["gpu_lost"]


AnyFaultForm = (
    FanFailureForm
    | DustForm
    | AmbientRiseForm
    | PowerCapForm
    | PowerBrakeForm
    | PcieLinkDropForm
    | MemoryLeakForm
    | SwapStormForm
    | KvPressureForm
    | CpuOffloadForm
    | LongPromptFloodForm
    | NoisyNeighbourForm
    | EngineHangForm
    | EngineErrorsForm
    | RuntimeCrashForm
    | SensorFreezeForm
    | SensorLossForm
    | ClockSkewForm
    | NetworkPartitionForm
    | LogStallForm
    | NodeCrashForm
    | AgentRestartForm
    | VersionSkewForm
    | EccBurstForm
    | GpuLostForm
)
