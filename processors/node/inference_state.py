"""Is the node serving? The first reading that decides, wins.

1. live: a runtime says that users' requests are in progress, or counted tokens, or saw a request lately.
2. live: an accelerator works, and the only runtimes with a loaded model cannot tell whether it is theirs.
3. idle_spd: idle, and its speed was probed in the last 30 s.
4. busy: an accelerator works, and every runtime says that it is not theirs.
5. idle; unknown without any fresh reading.
"""

from collections.abc import Sequence
from typing import NamedTuple

from processors.node.activity import fresh, probe_made, user_requests
from processors.node.idle_power import above_idle
from schemas.events.node_sample import GpuSample, NodeSample, RuntimeSample
from schemas.events.node_state import InferenceState
from schemas.events.reading import known

# Seconds a request of a user is remembered, where a runtime shows requests but does not count them.
USER_REQUEST_S = 15.0
# Seconds after a probe in which its heat must not be taken for a user's.
PROBE_S = 30.0
# Utilization that a runtime without counters must cause to be called live, with and without a recent probe.
LIVE_RATIO = 0.30
LIVE_AFTER_PROBE_RATIO = 0.75
# Utilization that shows that somebody uses an accelerator.
BUSY_RATIO = 0.20
STALE_S = 15.0


class Inference(NamedTuple):
    """The state and the reading that decided."""

    state: InferenceState
    reason: str


_UNKNOWN = Inference("unknown", "no_reading")
_IDLE = Inference("idle", "none")
_PROBED = Inference("idle_spd", "probe")
_BUSY = Inference("busy", "gpu_above_idle")
_LIVE_GPU = Inference("live", "gpu_above_idle")


def judge(sample: NodeSample, idle_w: Sequence[float]) -> Inference:
    """Judge one sample. ``idle_w`` is the learned idle power of each of its accelerators, in their order."""
    runtimes = [runtime for runtime in sample.runtimes if fresh(runtime)]
    for runtime in runtimes:
        serving = _serving(runtime)
        if serving is not None:
            return serving
    if _unattributed(sample.gpus, idle_w, runtimes):
        return _LIVE_GPU
    if any(runtime.models and runtime.probe_age_s < PROBE_S for runtime in runtimes):
        return _PROBED
    if any(_works(gpu, idle, BUSY_RATIO) for gpu, idle in zip(sample.gpus, idle_w, strict=True)):
        return _BUSY
    return _IDLE if runtimes or _any_reading(sample) else _UNKNOWN


def _serving(runtime: RuntimeSample) -> Inference | None:
    if user_requests(runtime) > 0:
        return Inference("live", "requests_running")
    counted = runtime.generation_tokens > 0 or runtime.prompt_tokens > 0
    if counted and not probe_made(runtime):
        return Inference("live", "tokens")
    if runtime.last_activity_age_s < USER_REQUEST_S:
        return Inference("live", "user_request")
    return None


def _unattributed(
    gpus: Sequence[GpuSample], idle_w: Sequence[float], runtimes: Sequence[RuntimeSample]
) -> bool:
    mute = [runtime for runtime in runtimes if runtime.models and not known(runtime.requests_running)]
    if not mute or any(runtime.probes_running > 0 for runtime in mute):
        return False
    probed = any(runtime.probe_age_s < PROBE_S for runtime in mute)
    ratio = LIVE_AFTER_PROBE_RATIO if probed else LIVE_RATIO
    return any(_works(gpu, idle, ratio) for gpu, idle in zip(gpus, idle_w, strict=True))


def _works(gpu: GpuSample, idle_w: float, ratio: float) -> bool:
    return not gpu.age_s > STALE_S and above_idle(gpu, idle_w, ratio)


def _any_reading(sample: NodeSample) -> bool:
    host = known(sample.host.cpu_ratio) and not sample.host.age_s > STALE_S
    return host or any(known(gpu.utilization_ratio) or known(gpu.power_w) for gpu in sample.gpus)
