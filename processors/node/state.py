"""What the node stage remembers of one node: plain data, small when a pane has just been closed.

All of it stands in this one module, which ``make compile`` leaves out: the codec of states reads its types,
and compiled NamedTuples have forgotten theirs.
"""

from typing import NamedTuple

from schemas.events.node_sample import NodeSample
from schemas.events.node_state import ModelState
from schemas.events.observation import RoutingHint
from schemas.events.reading import NAN, known

PANE_US = 10_000_000


class Gap(NamedTuple):
    """Samples first..last, both included, that have not come."""

    first: int
    last: int


class Boot(NamedTuple):
    """One run of an agent. Times are the node's own, µs since the epoch."""

    boot_id: str
    first_occurred_at: int
    last_occurred_at: int
    last_seq: int
    gaps: tuple[Gap, ...]


class IdlePower(NamedTuple):
    """The estimate for one accelerator, watts, and how many readings made it (at most ``MEMORY``)."""

    gpu_id: str
    mean_w: float
    readings: int


class Point(NamedTuple):
    """One reading of speed and power; NaN where there was none."""

    occurred_at: int
    tokens_per_second: float
    power_w: float


class ModelPoints(NamedTuple):
    """The last readings of one model: its tokens a second and its share of the node's watts."""

    runtime_id: str
    name: str
    points: tuple[Point, ...]


class RuntimeSpeed(NamedTuple):
    """The last tokens a second of a runtime that told them, and when."""

    runtime_id: str
    occurred_at: int
    tokens_per_second: float


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


class Held(NamedTuple):
    """A state, the reading that decided, and when it began (the node's clock, µs since the epoch)."""

    state: str
    reason: str
    since: int


class Counts(NamedTuple):
    """Samples by what became of them, since the state began."""

    samples: int
    duplicates: int
    missing: int
    late: int
    conflicts: int


class Clock(NamedTuple):
    """Where the node stands in time. ``*_at`` are µs since the epoch.

    ``silent_us`` is how long the log has been running since the newest sample. ``epoch`` counts the times the
    node's clock went back. ``skew_s`` is how far occurrence was ahead of arrival, at most, since the last
    pane was closed, and ``skew_before_s`` in the pane before: delays only make it smaller.
    """

    watermark_at: int
    closed_until: int
    silent_us: int
    last_arrived_at: int
    last_tick_at: int
    epoch: int
    skew_s: float
    skew_before_s: float


class OpenPane(NamedTuple):
    """A pane that still takes samples: it is nothing but its samples."""

    started_at: int
    samples: tuple[Measured, ...]


class Tag(NamedTuple):
    """A label of the node."""

    name: str
    value: str


class GpuProfile(NamedTuple):
    """What the registration says of an accelerator, as far as panes tell it."""

    gpu_id: str
    name: str
    vendor: str
    mig_parent: str
    power_limit_default_w: float


class ModelProfile(NamedTuple):
    """What the registration says of a model, as far as panes tell it."""

    runtime_id: str
    name: str
    quantization: str
    parameters: float


class Profile(NamedTuple):
    """What the node's newest registration says of it; empty until one has come."""

    agent_version: str = ""
    cpu_model: str = ""
    driver_version: str = ""
    tags: tuple[Tag, ...] = ()
    gpus: tuple[GpuProfile, ...] = ()
    models: tuple[ModelProfile, ...] = ()


class Hint(NamedTuple):
    """What the pattern stage last said that a router should do with the node, and by which pattern."""

    routing_hint: RoutingHint = "clear"
    source: str = ""


class State(NamedTuple):
    """One node. ``reported`` is ``totals`` when the last pane was closed."""

    node_id: str
    boots: tuple[Boot, ...]
    totals: Counts
    reported: Counts
    idle: tuple[IdlePower, ...]
    points: tuple[Point, ...]
    models: tuple[ModelPoints, ...]
    inference: Held
    thermal: Held
    panes: tuple[OpenPane, ...]
    clock: Clock
    gone: bool
    profile: Profile
    hint: Hint
    speeds: tuple[RuntimeSpeed, ...]


def initial(node_id: str) -> State:
    """Return the state of a node that has not been seen."""
    nothing = Counts(0, 0, 0, 0, 0)
    unknown = Held("unknown", "no_reading", 0)
    clock = Clock(0, 0, 0, 0, 0, 0, NAN, NAN)
    return State(
        node_id, (), nothing, nothing, (), (), (), unknown, unknown, (), clock, False, Profile(), Hint(), ()
    )


def skew_s(clock: Clock) -> float:
    """Return seconds the node's clock is ahead of the broker's, the smallest delay taken for none."""
    both = [skew for skew in (clock.skew_before_s, clock.skew_s) if known(skew)]
    return max(both, default=NAN)
