"""Tokens are generated, and the accelerators hardly work: the model runs on the CPU."""

from dataclasses import dataclass

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.slot import RuntimeSlot, Slot
from processors.windows.window import Window, mean_known
from schemas.events.reading import NAN, known


@dataclass(frozen=True, slots=True)
class PowerGpuDecoupling(Thresholds):
    """Thresholds of power_gpu_decoupling."""

    utilization_max: float = threshold(
        0.2, 0.01, 1.0, doc="utilization of all accelerators together below which they hardly work"
    )
    share_min: float = threshold(0.7, 0.1, 1.0, doc="share of the panes at work in which they hardly work")
    working_share_min: float = threshold(
        0.3, 0.05, 1.0, doc="share of the window in which tokens must be generated without a break"
    )
    cpu_min: float = threshold(
        0.3, 0.05, 1.0, doc="use of the CPU from which it does the work, where requests are not told"
    )


def judge(window: Window, limits: PowerGpuDecoupling) -> Judgement:
    """Requests in progress without a break, tokens counted, and next to no work of any accelerator."""
    if not window.gpus:
        return UNKNOWN
    working = [slot for slot in window.slots if _generates(slot, limits)]
    used = [_utilization(slot) for slot in working]
    told = [ratio for ratio in used if known(ratio)]
    low = sum(1 for ratio in told if ratio < limits.utilization_max)
    share = low / len(told) if told else NAN
    needed = limits.working_share_min * window.places
    evidence = (
        compared("low_use_share", share, ">=", limits.share_min),
        compared("utilization_ratio", mean_known(used), "<", limits.utilization_max),
        compared("working_share", len(working) / window.places, ">=", limits.working_share_min),
        measured("cpu_ratio", mean_known(slot.cpu_ratio for slot in working)),
        measured("power_w", window.power_w.mean, "W"),
    )
    if len(told) < needed:
        return Judgement(None if len(working) >= needed else False, evidence)
    if share < limits.share_min:
        return Judgement(False, evidence)
    text = (
        f"tokens are generated, and the accelerators are used {mean_known(told):.0%}; the CPU "
        f"{evidence[3].value:.0%}"
    )
    return Judgement(True, evidence, "warning", share, _models(working), text)


def _generates(slot: Slot, limits: PowerGpuDecoupling) -> bool:
    """Return whether requests ran through the whole pane; where none counts them, whether the CPU did."""
    if any(_counts(runtime) for runtime in slot.runtimes):
        return True
    silent = not any(known(runtime.requests_running) for runtime in slot.runtimes)
    return silent and slot.live >= 1.0 and slot.cpu_ratio >= limits.cpu_min


def _counts(runtime: RuntimeSlot) -> bool:
    return runtime.requests_running_min >= 1 and runtime.generation_tokens > 0


def _utilization(slot: Slot) -> float:
    """Return the use of all accelerators together: layers spread over eight use an eighth of each."""
    whole = [gpu.utilization_ratio for gpu in slot.gpus if gpu.whole]
    return sum(whole) if whole else NAN


def _models(slots: list[Slot]) -> tuple[str, ...]:
    return tuple(sorted({model.name for slot in slots for model in slot.models}))


PATTERN = Pattern(
    id="power_gpu_decoupling",
    title="Tokens without the accelerator",
    about="Tokens are generated without a break, and all accelerators together are used less than 20 %.",
    window_s=300,
    min_coverage=0.7,
    for_s=0,
    clear_s=60,
    hints={"warning": "monitor"},
    action="reduce_batch_size",
    recommendation=(
        "Look where the runtime put the layers (ollama ps, n-gpu-layers): a model that does not fit into the "
        "memory of the accelerators runs on the CPU. Choose a smaller quantization or context, or free "
        "memory."
    ),
    thresholds=PowerGpuDecoupling,
    judge=judge,
    departs=(
        "Instead of 50 W and a speed that may be stale: requests in progress without a break and counted "
        "tokens, so that an idle card of 70 W and a card with a short request now and then say nothing. Use "
        "is summed over accelerators, since layers that are spread over eight use an eighth of each."
    ),
)
