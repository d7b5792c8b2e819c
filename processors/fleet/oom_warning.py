"""Memory is about to run out: the host's or an accelerator's."""

from dataclasses import dataclass

from processors.fleet.alert import NodeAlert
from processors.fleet.state import Watched
from processors.patterns.pattern import UNKNOWN, Judgement, compared
from processors.patterns.thresholds import Thresholds, threshold
from schemas.events.node_summary import NodeSummary
from schemas.events.observation import Severity
from schemas.events.reading import known


@dataclass(frozen=True, slots=True)
class OomWarning(Thresholds):
    """Thresholds of oom_warning."""

    memory_used_min: float = threshold(0.95, 0.5, 1.0, doc="share of the host's memory that is not available")
    vram_used_min: float = threshold(0.985, 0.5, 1.0, doc="share of the fullest accelerator's memory in use")
    critical_min: float = threshold(
        0.98, 0.5, 1.0, doc="share of the host's memory from which it is critical"
    )


def judge(summary: NodeSummary, watched: Watched, limits: OomWarning) -> Judgement:
    """One of the two memories is nearly full."""
    del watched
    host, vram = summary.memory_used_ratio, summary.vram_used_ratio
    if not known(host) and not known(vram):
        return UNKNOWN
    of_host = compared("memory_used", host, ">=", limits.memory_used_min)
    of_vram = compared("vram_used", vram, ">=", limits.vram_used_min)
    host_full, vram_full = host >= limits.memory_used_min, vram >= limits.vram_used_min
    evidence = tuple(each for each in (of_host, of_vram) if known(each.value))
    if not host_full and not vram_full:
        return Judgement(False, evidence)
    if not host_full:
        evidence = (of_vram, of_host) if known(host) else (of_vram,)
    severity: Severity = "critical" if host >= limits.critical_min else "warning"
    what = f"{host:.0%} of the host's memory" if host_full else f"{vram:.0%} of an accelerator's memory"
    return Judgement(True, evidence, severity, 1.0, (summary.node_id,), f"{what} is in use")


ALERT = NodeAlert(
    id="oom_warning",
    title="Memory nearly full",
    about="For two minutes nearly all of the host's memory, or of an accelerator's, has been in use.",
    for_s=110,
    clear_s=60,
    action="evict_idle_models",
    recommendation="Unload a model or lower its context: a process that is killed takes its requests along.",
    thresholds=OomWarning,
    judge=judge,
    departs=(
        "On every platform, from the memory that is available, and for accelerators too; Wicklee's reads a "
        "figure that only macOS gives. A server that reserves its cache ahead, as vLLM does, stays below "
        "98.5 %."
    ),
)
