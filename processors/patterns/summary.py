"""What a fleet needs of a node's ten seconds: one flat event, also while the node is silent."""

from collections.abc import Iterable, Sequence

from processors.patterns.state import About, Life, State
from processors.windows.serving import at_rest
from processors.windows.slot import GpuSlot, Slot, sum_known
from processors.windows.window import mean_known
from schemas.events.node_pane import NodePane
from schemas.events.node_summary import NodeSummary, OpenObservation
from schemas.events.reading import NAN
from schemas.ids import derived_id
from schemas.load_band import load_band

# A pane's worth of samples, less one that came a little late.
STALLED_SHARE = 0.85


def about(pane: NodePane) -> About:
    """Return what a pane says of the node itself."""
    names = sorted(gpu.name or "GPU" for gpu in pane.gpus if not gpu.mig_parent)
    kinds = dict.fromkeys(names)
    hardware = ", ".join(f"{names.count(name)} x {name}" for name in kinds) or pane.cpu_model
    chips = tuple(kinds) if kinds else (pane.cpu_model,)
    return About(
        pane.fleet,
        pane.boot_id,
        pane.agent_version,
        hardware,
        chips,
        pane.tags.get("rack", ""),
        pane.driver_version,
    )


def of_pane(state: State, slot: Slot) -> NodeSummary:
    """Return the summary of the newest pane."""
    return _summary(
        state, slot, derived_id("node_summary", state.node_id, state.about.boot_id, state.ended_at)
    )


def of_silence(state: State) -> NodeSummary:
    """Return the summary of a node that has not been heard of since ``state.arrived_at``."""
    return _summary(state, None, derived_id("node_summary", state.node_id, "silent", state.passed_at))


def _summary(state: State, slot: Slot | None, summary_id: str) -> NodeSummary:
    node = state.about
    measured = _silence(state) if slot is None else _measured(slot)
    return NodeSummary._make(
        (
            summary_id,
            state.node_id,
            node.fleet,
            node.boot_id,
            state.ended_at,
            state.passed_at,
            node.agent_version,
            node.hardware,
            "" if slot is None else slot.work.model,
            "" if slot is None else _load(slot),
            node.rack,
            node.driver,
            state.stopped,
            *measured,
            () if slot is None else stalled_runtimes(slot),
            _open(state.lives),
        )
    )


def _silence(state: State) -> tuple[float, ...]:
    return state.silent_us / 1e6, 0.0, 0.0, 0.0, 0.0, 0.0, *(NAN,) * 12, 0.0, NAN, NAN


def _measured(slot: Slot) -> tuple[float, ...]:
    gpus = [gpu for gpu in slot.gpus if gpu.whole]
    n, wes = slot.samples, slot.wes.mean
    total = slot.memory_used_bytes + slot.memory_available_bytes
    return (
        0.0,
        n,
        slot.live * n,
        slot.busy * n,
        (slot.hot - slot.critical) * n,
        slot.critical * n,
        slot.tokens_per_second.mean,
        slot.power_w.mean,
        wes,
        wes * slot.thermal_penalty,
        slot.work.running,
        sum_known(runtime.requests_waiting for runtime in slot.runtimes),
        mean_known(gpu.utilization_ratio for gpu in gpus),
        _most(gpu.temperature_max_c for gpu in gpus),
        slot.memory_used_bytes / total if total > 0 else NAN,
        _most(_fullness(gpu) for gpu in gpus),
        slot.swap_out_bytes_per_s,
        slot.memory_pressure_ratio,
        _stalled(slot),
        sum_known(runtime.generation_tokens for runtime in slot.runtimes),
        slot.clock_skew_s,
    )


def stalled_runtimes(slot: Slot) -> tuple[str, ...]:
    """Return the runtimes that answered and did nothing for the requests they had.

    While the hardware works, it may be a long prompt: some count its tokens when all of it has been read.
    """
    if not at_rest(slot):
        return ()
    return tuple(
        runtime.runtime_id for runtime in slot.runtimes if runtime.stalled >= STALLED_SHARE and runtime.up > 0
    )


def _stalled(slot: Slot) -> float:
    most = max((runtime.stalled * runtime.samples for runtime in slot.runtimes), default=0.0)
    return most if most and at_rest(slot) else 0.0


def _open(lives: Sequence[Life]) -> tuple[OpenObservation, ...]:
    return tuple(
        OpenObservation(one.observation_id, one.pattern, one.severity, one.onset_at)
        for life in lives
        for one in life.open
    )


def _load(slot: Slot) -> str:
    read = sum_known(runtime.prompt_tokens for runtime in slot.runtimes)
    return load_band(
        slot.work.running, read, sum_known(runtime.generation_tokens for runtime in slot.runtimes)
    )


def _fullness(gpu: GpuSlot) -> float:
    return gpu.memory_used_bytes / gpu.memory_total_bytes if gpu.memory_total_bytes > 0 else NAN


def _most(values: Iterable[float]) -> float:
    return max((value for value in values if value == value), default=NAN)
