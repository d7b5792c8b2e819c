"""How long things take to start: a machine, a runtime, a model from disk."""

from producers.simulator.hardware.chips import CHIPS
from producers.simulator.hardware.models import weights_bytes
from producers.simulator.kinds import KINDS
from producers.simulator.scenario.changes import AnyChange, LoadModel, SwapModel
from producers.simulator.scenario.machines import Node, Runtime

# From power to an agent and runtimes that start.
BOOT_S = 25.0
DISK_BYTES_PER_S = 2.4e9
_LANE_BYTES_PER_S = 1.9e9  # of PCIe generation 4
_GENERATION = 4


def load_s(size_bytes: float, links: list[tuple[int, int]]) -> float:
    """Return how long bytes take from disk, and over the links (lanes, generation) to accelerators."""
    lanes = (width * _LANE_BYTES_PER_S * 2.0 ** (generation - _GENERATION) for width, generation in links)
    return size_bytes / min(DISK_BYTES_PER_S, *lanes) if links else size_bytes / DISK_BYTES_PER_S


def start_s(node: Node, runtime: Runtime) -> float:
    """Return how long a runtime takes until it serves its models, on sound links."""
    kind = KINDS[runtime.kind]
    if kind.on_demand:
        return kind.start_s
    sizes = [weights_bytes(model) for model in runtime.models if model.loaded]
    return kind.start_s + max((load_s(size, links(node)) for size in sizes), default=0.0)


def model_s(node: Node, runtime: Runtime, change: AnyChange) -> float:
    """Return how long a change of models takes until the new one serves; others restart for it."""
    if not isinstance(change, LoadModel | SwapModel):
        return 0.0
    took_s = load_s(weights_bytes(change.model), links(node))
    kind = KINDS[runtime.kind]
    return took_s if kind.on_demand else took_s + kind.start_s


def links(node: Node) -> list[tuple[int, int]]:
    """Return lanes and generation of a node's accelerators, where they hang on a link at all."""
    chip = CHIPS.get(node.chip)
    if chip is None or not chip.pcie_generation:
        return []
    return [(node.pcie_width, node.pcie_generation or chip.pcie_generation)]
