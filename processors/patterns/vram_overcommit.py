"""Loaded models need more accelerator memory than there is, or all but all of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum
from typing import NamedTuple

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.patterns.weights import weights
from processors.windows.slot import ModelSlot, Slot
from processors.windows.window import Window
from schemas.events.observation import Severity
from schemas.events.reading import NAN

_GB = 1e9


@dataclass(frozen=True, slots=True)
class VramOvercommit(Thresholds):
    """Thresholds of vram_overcommit."""

    demand_min: float = threshold(0.9, 0.3, 2.0, doc="share of the accelerators' memory that models need")
    critical_demand: float = threshold(0.98, 0.3, 5.0, doc="the same, from which it is critical")
    pushed_out_full: float = threshold(
        0.8,
        0.1,
        1.0,
        doc="share of accelerator memory in use from which a model in host memory was pushed out",
    )


class Need(NamedTuple):
    """What all loaded models need of the accelerators' memory; NaN bytes: not known of any."""

    needed_bytes: float
    capacity_bytes: float
    used_bytes: float
    models: tuple[str, ...]
    known: bool

    @property
    def ratio(self) -> float:
        """Return the share of the memory that is needed."""
        return self.needed_bytes / self.capacity_bytes


def judge(window: Window, limits: VramOvercommit) -> Judgement:
    """In every pane the models' weights and caches fill the accelerators' memory, or more."""
    needs = [need for slot in window.slots if (need := _need(slot, limits)) is not None]
    if not needs:
        return UNKNOWN
    least = min(needs, key=lambda need: need.ratio)
    newest = needs[-1]
    evidence = (
        compared("demand", least.ratio, ">=", limits.demand_min),
        measured("needed", newest.needed_bytes, "B"),
        measured("capacity", newest.capacity_bytes, "B"),
        measured("used", newest.used_bytes, "B"),
    )
    if least.ratio < limits.demand_min:
        return Judgement(False if newest.known else None, evidence)
    severity: Severity = "critical" if least.ratio >= limits.critical_demand else "warning"
    several = len(newest.models) > 1
    text = (
        f"{len(newest.models)} loaded {'models need' if several else 'model needs'} "
        f"{newest.needed_bytes / _GB:.1f} GB of {newest.capacity_bytes / _GB:.1f} GB of accelerator memory"
    )
    return Judgement(True, evidence, severity, 0.9 if newest.known else 0.7, newest.models, text)


def _need(slot: Slot, limits: VramOvercommit) -> Need | None:
    gpus = [gpu for gpu in slot.gpus if gpu.whole]
    capacity = fsum(gpu.memory_total_bytes for gpu in gpus)
    if not capacity > 0.0:
        return None
    used = fsum(gpu.memory_used_bytes for gpu in gpus)
    if not slot.models:
        answered = any(runtime.up > 0.0 for runtime in slot.runtimes)
        return Need(0.0, capacity, used, (), True) if answered else None
    crowded = used >= limits.pushed_out_full * capacity
    sizes = {(model.runtime_id, model.name): _bytes(model, crowded=crowded) for model in slot.models}
    known = [size for size in sizes.values() if size == size]
    if not known:
        return None
    names = _names(name for (_, name), size in sizes.items() if size > 0.0)
    return Need(fsum(known), capacity, used, names, len(known) == len(sizes))


def _bytes(model: ModelSlot, *, crowded: bool) -> float:
    """Return what a model needs there: what it has, or its weights where those are more.

    A model that is all in host memory was put there, unless the accelerators' memory is full.
    """
    if model.vram_bytes == 0.0 and not crowded:
        return 0.0
    size = weights(model.name, model.parameters, model.quantization).size_bytes
    both = [value for value in (model.vram_bytes, size) if value == value]
    return max(both, default=NAN)


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


PATTERN = Pattern(
    id="vram_overcommit",
    title="Models fill the accelerator memory",
    about="What is loaded takes nine tenths of the accelerators' memory or more, or does not fit.",
    window_s=60,
    min_coverage=0.5,
    for_s=30,
    clear_s=30,
    hints={"warning": "steer_away", "critical": "steer_away"},
    action="switch_quantization",
    recommendation=(
        "Unload a model, or choose a smaller quantization or context; what does not fit runs on the CPU."
    ),
    thresholds=VramOvercommit,
    judge=judge,
    departs=(
        "All loaded models of all runtimes against the memory of all accelerators, unified memory included "
        "(before: Ollama's first model against all). A model counts with its weights where it has less than "
        "those in accelerator memory: the rest did not fit. What a server reserves for its cache counts not "
        "at all, since vLLM takes nine tenths by design. It must hold for a minute: a swap of models passes "
        "through."
    ),
)
