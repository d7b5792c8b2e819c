"""Models wait in memory for hours, and the energy for it adds up."""

from dataclasses import dataclass
from itertools import pairwise
from math import fsum

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.series import GpuSeries
from processors.windows.window import PANE_S, Window
from schemas.events.reading import NAN, known


@dataclass(frozen=True, slots=True)
class IdlePowerWaste(Thresholds):
    """Thresholds of idle_power_waste."""

    energy_min_kj: float = threshold(
        30.0, 0.1, 100_000.0, "kJ", doc="energy of the accelerators in ten idle minutes; 30 kJ are 50 W"
    )
    live_share_max: float = threshold(0.001, 0.0, 0.5, doc="share of samples in which a request was served")
    loaded_share_min: float = threshold(0.95, 0.5, 1.0, doc="share of panes at rest with a model in memory")


def judge(window: Window, limits: IdlePowerWaste) -> Judgement:
    """Not one request in ten minutes, models in memory meanwhile, and the energy above a budget."""
    told = [slot for slot in window.slots if slot.idle + slot.busy + slot.live > 0]
    if not told or not window.gpus:
        return UNKNOWN
    loaded = fsum(slot.idle + slot.busy for slot in told if slot.models) / len(told)
    energy_kj = fsum(_energy_j(gpu) for gpu in window.gpu_series) / 1000
    power_w = energy_kj * 1000 / window.seconds
    a_day_kwh = power_w * 24 / 1000
    evidence = (
        compared("energy_kj", energy_kj, ">=", limits.energy_min_kj, "kJ"),
        compared("live_share", window.live, "<=", limits.live_share_max),
        compared("loaded_share", loaded, ">=", limits.loaded_share_min),
        measured("power_w", power_w, "W"),
        measured("energy_a_day_kwh", a_day_kwh, "kWh"),
    )
    if loaded < limits.loaded_share_min or not window.live <= limits.live_share_max:
        return Judgement(False, evidence)
    if not known(energy_kj):
        return Judgement(None, evidence)
    if energy_kj < limits.energy_min_kj:
        return Judgement(False, evidence)
    models = tuple(sorted({model.name for slot in told for model in slot.models}))
    text = (
        f"nothing was served for {window.seconds // 60} minutes, and the accelerators drew "
        f"{power_w:.0f} W for models in memory, {a_day_kwh:.1f} kWh a day"
    )
    return Judgement(True, evidence, "info", min(1.0, loaded), models, text)


def _energy_j(gpu: GpuSeries) -> float:
    """Return joules over the window, by the energy counter where it runs on, else by power; NaN without."""
    first, last = gpu.known("energy_first_j"), gpu.known("energy_last_j")
    runs_on = all(before <= now for before, now in pairwise(last))
    if len(last) == gpu.places and runs_on and last[0] >= first[0]:
        return last[-1] - first[0]
    power_w = gpu.mean("power_w")
    return power_w * PANE_S * gpu.places if known(power_w) else NAN


PATTERN = Pattern(
    id="idle_power_waste",
    title="Energy for models that nobody asks for",
    about=(
        "Models have been in memory for an hour without a request, and the accelerators draw power for them."
    ),
    window_s=600,
    min_coverage=0.9,
    for_s=3000,
    clear_s=30,
    hints={"info": "clear"},
    action="evict_idle_models",
    recommendation=(
        "Unload the models (a shorter keep_alive, or stop the runtime) or move their callers here and switch "
        "off another node."
    ),
    thresholds=IdlePowerWaste,
    judge=judge,
)
