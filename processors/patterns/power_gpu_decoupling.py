"""Tokens are generated, and the accelerators hardly work: the model runs on the CPU."""

from dataclasses import dataclass

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.slot import RuntimeSlot, Slot
from processors.windows.window import PANE_S, Window, mean_known
from schemas.events.reading import NAN, known


@dataclass(frozen=True, slots=True)
class PowerGpuDecoupling(Thresholds):
    """Thresholds of power_gpu_decoupling."""

    utilization_max: float = threshold(
        0.2, 0.01, 1.0, doc="utilization of all accelerators together below which they hardly work"
    )
    share_min: float = threshold(0.7, 0.1, 1.0, doc="share of the panes that serve in which they hardly work")
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
    use = [_utilization(slot) for slot in window.slots]
    if not any(ratio < limits.utilization_max or ratio != ratio for ratio in use):
        least = compared("utilization_ratio", min(use), "<", limits.utilization_max)
        return Judgement(False, (least,))
    asked = _asked(window)
    working = [slot for slot in window.slots if _generates(slot, asked, limits)]
    served = sum(1 for slot in window.slots if slot.live >= 0.5)
    used = [_utilization(slot) for slot in working]
    told = [ratio for ratio in used if known(ratio)]
    low = sum(1 for ratio in told if ratio < limits.utilization_max)
    share = low / max(len(told), served) if told else NAN
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


def _asked(window: Window) -> dict[int, float]:
    """Return the seconds of requests in flight by pane, as routers saw them."""
    found: dict[int, float] = {}
    for part in window.requests:
        found[part.started_at] = found.get(part.started_at, 0.0) + part.in_flight_s
    return found


def _generates(slot: Slot, asked: dict[int, float], limits: PowerGpuDecoupling) -> bool:
    """Return whether requests ran through the whole pane.

    Of a runtime that counts none, routers know, or the use of its accelerators; then the CPU must work too.
    """
    if any(_counts(runtime) for runtime in slot.runtimes):
        return True
    if not slot.cpu_ratio >= limits.cpu_min or any(known(one.requests_running) for one in slot.runtimes):
        return False
    return slot.live >= 1.0 or asked.get(slot.started_at, 0.0) >= PANE_S


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
