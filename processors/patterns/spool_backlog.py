"""Samples wait on the node's disk because the log does not take them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.slot import Slot
from processors.windows.window import PANE_S, Window
from schemas.events.observation import Severity
from schemas.events.reading import NAN, known


@dataclass(frozen=True, slots=True)
class SpoolBacklog(Thresholds):
    """Thresholds of spool_backlog."""

    waiting_min_s: float = threshold(
        60.0, 1.0, 86_400.0, "s", doc="seconds of samples that wait, all through two minutes"
    )
    dropped_min: float = threshold(
        1, 1, 1e9, "samples", doc="samples dropped from a full spool, from which it is critical"
    )


def judge(window: Window, limits: SpoolBacklog) -> Judgement:
    """A minute of samples or more has waited for two minutes; critical when the spool drops some."""
    waiting = [seconds for seconds in map(_waiting_s, window.slots) if known(seconds)]
    dropped = _dropped(window.slots)
    if not waiting:
        return UNKNOWN
    evidence = (
        compared("waiting_s", min(waiting), ">=", limits.waiting_min_s, "s"),
        compared("dropped", dropped, ">=", limits.dropped_min, "samples"),
        measured("spool_records", window.known("spool_records")[-1], "samples"),
        measured("delay_max_s", max(window.known("delay_max_s"), default=NAN), "s"),
    )
    drops = dropped >= limits.dropped_min
    if drops:
        evidence = (evidence[1], evidence[0], *evidence[2:])
    if not drops and min(waiting) < limits.waiting_min_s:
        return Judgement(False, evidence)
    severity: Severity = "critical" if drops else "warning"
    lost = f", and {dropped:.0f} were dropped" if drops else ""
    text = f"samples of {waiting[-1]:.0f} s wait on the node's disk{lost}"
    return Judgement(True, evidence, severity, 1.0, (), text)


def _waiting_s(slot: Slot) -> float:
    """Return the records that wait, in seconds of samples."""
    return slot.spool_records * PANE_S / slot.expected if slot.expected > 0 else NAN


def _dropped(slots: Sequence[Slot]) -> float:
    """Return how many were dropped; the count begins anew with each run of the agent."""
    told = [slot for slot in slots if known(slot.spool_dropped_total)]
    if not told:
        return NAN
    return sum(
        now.spool_dropped_total - (before.spool_dropped_total if now.boot_id == before.boot_id else 0.0)
        for before, now in pairwise(told)
    )


PATTERN = Pattern(
    id="spool_backlog",
    title="Telemetry waits on the node",
    about="The log has not taken the node's samples for minutes; they wait on its disk, or are dropped.",
    window_s=120,
    min_coverage=0.5,
    for_s=0,
    clear_s=30,
    hints={"warning": "monitor", "critical": "monitor"},
    action="check_network",
    recommendation=(
        "Check the way from the node to Kafka and Kafka itself; give the spool more room if samples were "
        "dropped. The node serves meanwhile; what is known of it is old."
    ),
    thresholds=SpoolBacklog,
    judge=judge,
)
