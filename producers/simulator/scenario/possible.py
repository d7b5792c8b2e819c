"""What a node's hardware and runtimes cannot suffer."""

from collections.abc import Iterator, Sequence

from producers.simulator.hardware.chips import CHIPS
from producers.simulator.scenario.faults import (
    AnyFault,
    FanFailure,
    GpuFault,
    MemoryLeak,
    NoisyNeighbour,
    PcieLinkDrop,
    PowerCap,
    RuntimeFault,
    SensorFreeze,
    SensorLoss,
    SwapStorm,
)
from producers.simulator.scenario.fleet import power_problem
from producers.simulator.scenario.machines import Node
from producers.simulator.scenario.problem import one_of


def impossible(fault: AnyFault, nodes: Sequence[Node]) -> Iterator[tuple[str, str]]:
    """Yield field and reason of what these nodes cannot suffer; one reason for each field is enough."""
    for node in nodes:
        found = {**dict(_impossible_for_gpus(fault, node)), **dict(_impossible_for_node(fault, node))}
        if found:
            yield from found.items()
            return


def _impossible_for_gpus(fault: AnyFault, node: Node) -> Iterator[tuple[str, str]]:
    chip = CHIPS.get(node.chip)
    if isinstance(fault, GpuFault) and fault.gpus and max(fault.gpus) >= node.gpus:
        has = f"{node.gpus}, numbered from 0" if node.gpus else "none"
        yield "gpu", f"there is no accelerator {max(fault.gpus)}: {node.name} has {has}"
    elif isinstance(fault, GpuFault) and not node.gpus and _needs_gpus(fault):
        yield "node", f"{node.name} has no accelerator"
    if isinstance(fault, PowerCap) and chip is not None and (problem := power_problem(chip, fault.limit_w)):
        yield "limit", problem
    if isinstance(fault, PcieLinkDrop) and chip is not None:
        generation = node.pcie_generation or chip.pcie_generation
        if not chip.pcie_generation:
            yield "node", f"{chip.name} has no PCIe link"
        elif fault.width > node.pcie_width:
            yield "width", f"{node.name} has {node.pcie_width} lanes; fewer must be left, not {fault.width}"
        elif fault.generation > generation:
            yield "generation", f"{node.name} has generation {generation}"
        elif fault.width == node.pcie_width and fault.generation in (0, generation):
            yield "width", f"{fault.width} lanes are what {node.name} has: nothing drops"


def _needs_gpus(fault: GpuFault) -> bool:
    if isinstance(fault, SensorFreeze | SensorLoss):
        return fault.reading.startswith("gpu.")
    if isinstance(fault, MemoryLeak):
        return fault.where == "vram"
    if isinstance(fault, NoisyNeighbour):
        return bool(fault.gpu_ratio or fault.vram_bytes)
    return not isinstance(fault, FanFailure)


def _impossible_for_node(fault: AnyFault, node: Node) -> Iterator[tuple[str, str]]:
    if isinstance(fault, RuntimeFault):
        ids = [runtime.runtime_id for runtime in node.runtimes]
        if fault.runtime_id and fault.runtime_id not in ids:
            yield "runtime", no_runtime(node, fault.runtime_id)
        elif not ids:
            yield "node", f"{node.name} has no runtime"
    if isinstance(fault, SwapStorm) and not node.swap_bytes:
        yield "node", f"{node.name} has no swap"


def no_runtime(node: Node, name: str) -> str:
    """Return what to say of a runtime that a node does not have."""
    nearest = one_of(name, [runtime.runtime_id for runtime in node.runtimes], what="runtime")
    return f"{node.name} has no runtime {name!r}{nearest}"
