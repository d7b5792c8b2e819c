"""One sample with what follows from it: what a pane folds and a node_state says."""

from typing import NamedTuple

from schemas.events.node_sample import NodeSample
from schemas.events.node_state import ModelState


class Measured(NamedTuple):
    """A sample and its judgements; tuples follow the order of the sample's accelerators and runtimes.

    ``tokens_per_second`` and ``power_w`` are of this sample alone; ``wes`` is smoothed.
    """

    sample: NodeSample
    arrived_at: int
    inference_state: str
    thermal_state: str
    thermal_penalty: float
    tokens_per_second: float
    power_w: float
    wes: float
    idle_w: tuple[float, ...]
    gpu_thermal: tuple[str, ...]
    runtime_speeds: tuple[float, ...]
    models: tuple[ModelState, ...]
