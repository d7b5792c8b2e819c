"""Which effect each kind of fault has. A fault more is one file and one line here."""

from collections.abc import Callable, Mapping
from typing import Any

from producers.simulator.faults.agent_restart import AgentRestartEffect
from producers.simulator.faults.ambient_rise import AmbientRiseEffect
from producers.simulator.faults.clock_skew import ClockSkewEffect
from producers.simulator.faults.cpu_offload import CpuOffloadEffect
from producers.simulator.faults.dust import DustEffect
from producers.simulator.faults.ecc_burst import EccBurstEffect
from producers.simulator.faults.effect import Effect
from producers.simulator.faults.engine_errors import EngineErrorsEffect
from producers.simulator.faults.engine_hang import EngineHangEffect
from producers.simulator.faults.fan_failure import FanFailureEffect
from producers.simulator.faults.gpu_lost import GpuLostEffect
from producers.simulator.faults.kv_pressure import KvPressureEffect
from producers.simulator.faults.memory_leak import MemoryLeakEffect
from producers.simulator.faults.network_partition import NetworkPartitionEffect
from producers.simulator.faults.node_crash import NodeCrashEffect
from producers.simulator.faults.noisy_neighbour import NoisyNeighbourEffect
from producers.simulator.faults.pcie_link_drop import PcieLinkDropEffect
from producers.simulator.faults.power_brake import PowerBrakeEffect
from producers.simulator.faults.power_cap import PowerCapEffect
from producers.simulator.faults.runtime_crash import RuntimeCrashEffect
from producers.simulator.faults.sensor_freeze import SensorFreezeEffect
from producers.simulator.faults.sensor_loss import SensorLossEffect
from producers.simulator.faults.swap_storm import SwapStormEffect
from producers.simulator.faults.version_skew import VersionSkewEffect
from producers.simulator.scenario import faults
from producers.simulator.scenario.faults import AnyFault

# A flood of long prompts is traffic (traffic.py) and a log that stalls is the log's own (link.py).
_EFFECTS: Mapping[type[faults.Fault], Callable[[Any], Effect]] = {
    faults.AgentRestart: AgentRestartEffect,
    faults.AmbientRise: AmbientRiseEffect,
    faults.ClockSkew: ClockSkewEffect,
    faults.CpuOffload: CpuOffloadEffect,
    faults.Dust: DustEffect,
    faults.EccBurst: EccBurstEffect,
    faults.EngineErrors: EngineErrorsEffect,
    faults.EngineHang: EngineHangEffect,
    faults.FanFailure: FanFailureEffect,
    faults.GpuLost: GpuLostEffect,
    faults.KvPressure: KvPressureEffect,
    faults.MemoryLeak: MemoryLeakEffect,
    faults.NetworkPartition: NetworkPartitionEffect,
    faults.NodeCrash: NodeCrashEffect,
    faults.NoisyNeighbour: NoisyNeighbourEffect,
    faults.PcieLinkDrop: PcieLinkDropEffect,
    faults.PowerBrake: PowerBrakeEffect,
    faults.PowerCap: PowerCapEffect,
    faults.RuntimeCrash: RuntimeCrashEffect,
    faults.SensorFreeze: SensorFreezeEffect,
    faults.SensorLoss: SensorLossEffect,
    faults.SwapStorm: SwapStormEffect,
    faults.VersionSkew: VersionSkewEffect,
}


def effect_of(fault: AnyFault) -> Effect | None:
    """Return what a fault does to a node; none where it is not a node's."""
    made = _EFFECTS.get(type(fault))
    return made(fault) if made is not None else None
