"""A pane is the fold of its samples, made once, when it closes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from processors.node import idle_power
from processors.node.state import (
    PANE_US,
    Counts,
    GpuProfile,
    Measured,
    ModelProfile,
    OpenPane,
    Profile,
    State,
    skew_s,
)
from processors.node.thermal_state import (
    HW_POWER_BRAKE,
    HW_SLOWDOWN,
    HW_THERMAL,
    POWER_CAP,
    SW_THERMAL,
)
from processors.panes import histogram
from processors.panes.statistics import fold, total
from schemas.events.node_pane import (
    GpuHealthPane,
    GpuPane,
    HostPane,
    ModelPane,
    NodePane,
    RuntimePane,
    SuspectPane,
)
from schemas.events.node_sample import GpuHealth, GpuSample, HostSample, NodeSample, RuntimeSample
from schemas.events.node_state import ModelState
from schemas.events.reading import NAN
from schemas.ids import derived_id

# Utilization above which an accelerator counts as active.
ACTIVE_RATIO = 0.05


def _columns(sample: type[NamedTuple], pane: type[NamedTuple], first: str, last: str) -> list[int]:
    """Return where a sample has the readings that a pane names alike, from ``first`` to ``last``."""
    names = pane._fields[pane._fields.index(first) : pane._fields.index(last) + 1]
    return [sample._fields.index(name) for name in names]


_HOST = _columns(HostSample, HostPane, "cpu_ratio", "clock_offset_s")
_GPU = _columns(GpuSample, GpuPane, "utilization_ratio", "fan_ratio")
_RUNTIME = _columns(RuntimeSample, RuntimePane, "requests_running", "kv_cache_ratio")
_RUNTIME_SUMS = _columns(RuntimeSample, RuntimePane, "interval_s", "queue_count")
_HEALTH = _columns(GpuHealth, GpuHealthPane, "pcie_generation", "memory_temperature_max_c")
_INFERENCE = ("unknown", "idle", "idle_spd", "busy", "live")
_THERMAL = ("unknown", "normal", "fair", "serious", "critical")


def fold_pane(state: State, pane: OpenPane, *, stopped: bool = False) -> NodePane:
    """Return the pane of its samples in the order of time, with what happened since the last pane."""
    measured = sorted(pane.samples, key=lambda one: one.sample.occurred_at)
    samples = [one.sample for one in measured]
    newest = samples[-1]
    happened = _since(state.totals, state.reported)
    profile = state.profile
    speeds = [one.tokens_per_second for one in measured]
    scores = [one.wes for one in measured]
    watts = [one.power_w for one in measured]
    return NodePane._make(
        (
            derived_id("node_pane", state.node_id, pane.started_at, state.clock.epoch),
            state.node_id,
            newest.fleet,
            newest.boot_id,
            profile.agent_version,
            profile.cpu_model,
            profile.driver_version,
            {tag.name: tag.value for tag in profile.tags},
            pane.started_at + PANE_US,
            pane.started_at,
            max(one.arrived_at for one in measured),
            float(len(samples)),
            float(len(samples) + max(0, happened.missing)),
            float(happened.duplicates),
            float(happened.missing),
            float(happened.late),
            float(sum(sample.spooled for sample in samples)),
            float(stopped),
            max(one.arrived_at - one.sample.occurred_at for one in measured) / 1e6,
            *_count((one.inference_state for one in measured), _INFERENCE),
            *_count((one.thermal_state for one in measured), _THERMAL),
            fold(speeds),
            fold(watts),
            fold(scores),
            fold([one.thermal_penalty for one in measured]),
            fold([sample.agent.cpu_ratio for sample in samples]),
            fold([sample.agent.lateness_s for sample in samples]),
            skew_s(state.clock),
            newest.agent.spool_records,
            newest.agent.spool_dropped_total,
            histogram.fold(scores),
            histogram.fold(speeds),
            histogram.fold(watts),
            _host([sample.host for sample in samples]),
            _gpus(measured, profile),
            _runtimes(measured),
            _models(measured, profile),
            _health([health for sample in samples for health in sample.gpu_health]),
            _suspects(samples),
        )
    )


def _since(totals: Counts, reported: Counts) -> Counts:
    return Counts(*(now - then for now, then in zip(totals, reported, strict=True)))


def _count(states: Iterable[str], names: Sequence[str]) -> list[float]:
    counts = Counter(states)
    return [float(counts[name]) for name in names]


def _host(hosts: list[HostSample]) -> HostPane:
    columns = list(zip(*hosts, strict=True))
    return HostPane(*(fold(columns[index]) for index in _HOST))


def _gpus(measured: Sequence[Measured], profile: Profile) -> tuple[GpuPane, ...]:
    """Fold each accelerator on its own; one may come or go within a pane."""
    readings: dict[str, list[tuple[GpuSample, float, str]]] = {}
    for one in measured:
        for gpu, idle_w, heat in zip(one.sample.gpus, one.idle_w, one.gpu_thermal, strict=True):
            readings.setdefault(gpu.gpu_id, []).append((gpu, idle_w, heat))
    known = {gpu.gpu_id: gpu for gpu in profile.gpus}
    return tuple(
        _gpu(known.get(gpu_id, GpuProfile(gpu_id, "", "", "", NAN)), readings[gpu_id])
        for gpu_id in sorted(readings)
    )


def _gpu(profile: GpuProfile, readings: list[tuple[GpuSample, float, str]]) -> GpuPane:
    gpus = [gpu for gpu, _, _ in readings]
    columns = list(zip(*gpus, strict=True))
    reasons = [max(0, gpu.throttle_reasons) for gpu in gpus]
    newest = gpus[-1]
    return GpuPane._make(
        (
            profile.gpu_id,
            profile.name,
            profile.vendor,
            profile.mig_parent,
            *(fold(columns[index]) for index in _GPU),
            newest.memory_total_bytes,
            newest.temperature_slowdown_c,
            newest.power_limit_w,
            newest.sm_clock_max_mhz,
            readings[-1][1],
            profile.power_limit_default_w,
            float(len(gpus)),
            float(sum(gpu.status == "lost" for gpu in gpus)),
            float(sum(idle_power.above_idle(gpu, idle_w, ACTIVE_RATIO) for gpu, idle_w, _ in readings)),
            _with(reasons, POWER_CAP),
            _with(reasons, SW_THERMAL | HW_THERMAL),
            _with(reasons, HW_SLOWDOWN | HW_POWER_BRAKE),
            *_count((heat for _, _, heat in readings), _THERMAL),
        )
    )


def _with(reasons: list[int], bits: int) -> float:
    return float(sum(1 for one in reasons if one & bits))


def _runtimes(measured: Sequence[Measured]) -> tuple[RuntimePane, ...]:
    readings: dict[str, list[tuple[RuntimeSample, float]]] = {}
    for one in measured:
        for runtime, speed in zip(one.sample.runtimes, one.runtime_speeds, strict=True):
            readings.setdefault(runtime.runtime_id, []).append((runtime, speed))
    return tuple(_runtime(runtime_id, readings[runtime_id]) for runtime_id in sorted(readings))


def _runtime(runtime_id: str, readings: list[tuple[RuntimeSample, float]]) -> RuntimePane:
    runtimes = [runtime for runtime, _ in readings]
    columns = list(zip(*runtimes, strict=True))
    newest = runtimes[-1]
    return RuntimePane._make(
        (
            runtime_id,
            newest.kind,
            *(fold(columns[index]) for index in _RUNTIME),
            fold([speed for _, speed in readings]),
            float(len(runtimes)),
            float(sum(runtime.status == "up" for runtime in runtimes)),
            _stalled(runtimes),
            newest.slots,
            *(total(columns[index]) for index in _RUNTIME_SUMS),
            newest.probe_tokens_per_second,
            tuple(model.name for model in newest.models),
        )
    )


def _stalled(runtimes: Sequence[RuntimeSample]) -> float:
    """Return in how many samples it had requests and did nothing for them; 0 where it counts no tokens.

    A runtime is read less often than samples are taken: those without a newer reading are as the others.
    """
    counted = [runtime for runtime in runtimes if runtime.generation_tokens == runtime.generation_tokens]
    stalled = sum(map(_stands, counted))
    return len(runtimes) * stalled / len(counted) if stalled else 0.0


def _stands(runtime: RuntimeSample) -> bool:
    waits = runtime.requests_running > 0 or runtime.requests_waiting > 0
    return waits and runtime.generation_tokens == 0 and not runtime.prompt_tokens > 0


def _models(measured: Sequence[Measured], profile: Profile) -> tuple[ModelPane, ...]:
    readings: dict[tuple[str, str], list[ModelState]] = {}
    tokens: dict[tuple[str, str], list[float]] = {}
    for one in measured:
        for model in one.models:
            readings.setdefault((model.runtime_id, model.name), []).append(model)
        for runtime in one.sample.runtimes:
            for loaded in runtime.models:
                tokens.setdefault((runtime.runtime_id, loaded.name), []).append(loaded.generation_tokens)
    known = {(model.runtime_id, model.name): model for model in profile.models}
    unknown = ModelProfile("", "", "", NAN)
    return tuple(
        ModelPane(
            name,
            runtime_id,
            known.get((runtime_id, name), unknown).quantization,
            fold([state.tokens_per_second for state in states]),
            fold([state.wes for state in states]),
            states[-1].vram_bytes,
            known.get((runtime_id, name), unknown).parameters,
            states[-1].context_length,
            total(tokens[runtime_id, name]),
        )
        for (runtime_id, name), states in sorted(readings.items())
    )


def _health(reports: list[GpuHealth]) -> tuple[GpuHealthPane, ...]:
    """Return the last report of each accelerator, with every XID of the pane."""
    newest: dict[str, GpuHealth] = {}
    xids: dict[str, tuple[int, ...]] = {}
    for report in reports:
        newest[report.gpu_id] = report
        xids[report.gpu_id] = xids.get(report.gpu_id, ()) + report.xids
    return tuple(
        GpuHealthPane._make((gpu_id, *(newest[gpu_id][index] for index in _HEALTH), xids[gpu_id]))
        for gpu_id in sorted(newest)
    )


def _suspects(samples: Sequence[NodeSample]) -> tuple[SuspectPane, ...]:
    found: dict[tuple[str, str], list[float]] = {}
    for sample in samples:
        for suspect in sample.suspects:
            found.setdefault((suspect.reading, suspect.why), []).append(suspect.value)
    return tuple(
        SuspectPane(reading, why, values[-1], float(len(values)))
        for (reading, why), values in sorted(found.items())
    )
