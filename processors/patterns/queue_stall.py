"""Requests are in progress and nothing comes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from typing import NamedTuple

from processors.panes import histogram
from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.requests import RequestSlot
from processors.windows.serving import AT_REST, at_rest
from processors.windows.slot import RuntimeSlot
from processors.windows.window import PANE_S, PANE_US, Window
from schemas.events.observation import Severity
from schemas.events.reading import NAN

# A pane in which hardly a sample saw a token.
_STALLED = 0.85


@dataclass(frozen=True, slots=True)
class QueueStall(Thresholds):
    """Thresholds of queue_stall."""

    stall_s: float = threshold(60.0, 20.0, 600.0, "s", doc="seconds without a token, the hardware at rest")
    busy_stall_s: float = threshold(
        240.0, 20.0, 600.0, "s", doc="the same while the hardware works, as on a long prompt"
    )
    silent_s: float = threshold(
        120.0, 20.0, 600.0, "s", doc="seconds without a first token or an end, where a runtime counts nothing"
    )
    slower_than_usual: float = threshold(
        3.0, 1.0, 100.0, doc="times the longest usual wait that such a silence must last"
    )
    at_rest: float = threshold(
        AT_REST,
        0.0,
        1.0,
        doc="share of the way from idle power to the limit below which an accelerator rests",
    )
    critical_s: float = threshold(120.0, 20.0, 600.0, "s", doc="seconds of standstill that are critical")


class _Stall(NamedTuple):
    subject: str
    seconds: float
    limit: float
    known: bool

    @property
    def holds(self) -> bool:
        """Return whether it has lasted too long."""
        return self.seconds >= self.limit


def judge(window: Window, limits: QueueStall) -> Judgement:
    """A runtime, or a model as routers see it, has requests and makes no progress."""
    stalls = [*_by_counters(window, limits), *_by_requests(window, limits)]
    if not any(stall.known for stall in stalls):
        return UNKNOWN
    worst = max(stalls, key=lambda stall: (stall.holds, stall.seconds / stall.limit, stall.subject))
    evidence = (
        compared("without_progress", worst.seconds, ">=", worst.limit, "s", subject=worst.subject),
        measured("requests_open", _open(window)),
    )
    if not worst.holds:
        return Judgement(False, evidence)
    severity: Severity = "critical" if worst.seconds >= limits.critical_s else "warning"
    text = f"{worst.subject} has requests and has made no progress for {worst.seconds:.0f} s"
    confidence = min(1.0, 0.5 + 0.25 * worst.seconds / worst.limit)
    subjects = tuple(sorted({stall.subject for stall in stalls if stall.holds}))
    return Judgement(True, evidence, severity, confidence, subjects, text)


def _by_counters(window: Window, limits: QueueStall) -> list[_Stall]:
    """Return the standstill of each runtime that counts tokens, up to the newest pane."""
    found = []
    for runtime_id, points in window.runtimes.items():
        slots = [slot for _, slot in points]
        if not _counts(slots):
            continue
        stalled = _newest(slots)
        seconds = float(PANE_S * len(stalled))
        limit = limits.stall_s
        if seconds >= limit and not all(
            at_rest(slot, limits.at_rest) for slot in window.slots[-len(stalled) :]
        ):
            limit = limits.busy_stall_s
        found.append(_Stall(runtime_id, seconds, limit, True))
    return found


def _counts(slots: Sequence[RuntimeSlot]) -> bool:
    return any(slot.generation_tokens == slot.generation_tokens and slot.up > 0 for slot in slots)


def _newest(slots: Sequence[RuntimeSlot]) -> list[RuntimeSlot]:
    """Return the panes at the end of the window in which nothing moved."""
    count = next((n for n, slot in enumerate(reversed(slots)) if slot.stalled < _STALLED), len(slots))
    return list(slots[len(slots) - count :])


def _by_requests(window: Window, limits: QueueStall) -> list[_Stall]:
    """Return the silence of each model, as routers see it, where no runtime's counters say more."""
    parts = window.requests
    if not parts or _generates(window):
        return []
    found = []
    for model in sorted({part.model for part in parts}):
        ours = [part for part in parts if part.model == model]
        seconds = _silent_s(ours)
        usual = max(histogram.quantile(histogram.merge(part.ttft for part in ours), 0.95), _slowest(ours))
        limit = limits.silent_s
        if usual == usual:
            limit = max(limit, limits.slower_than_usual * usual)
        found.append(_Stall(model, seconds, limit, True))
    return found


def _generates(window: Window) -> bool:
    """Return whether some runtime counts tokens: then its counters have the say."""
    return any(_counts([slot for _, slot in points]) for points in window.runtimes.values())


def _silent_s(parts: Sequence[RequestSlot]) -> float:
    """Return seconds since anything moved, while a request waits for its first token; 0: none does."""
    last = max(part.started_at for part in parts)
    waiting = max(part.oldest_silent_s for part in parts if part.started_at == last)
    moved = [
        part.started_at for part in parts if part.first_tokens > 0 or part.completed > 0 or part.failed > 0
    ]
    since = (last - max(moved)) / 1e6 if moved else (last + PANE_US - min(p.started_at for p in parts)) / 1e6
    return min(waiting, since)


def _slowest(parts: Sequence[RequestSlot]) -> float:
    """Return the longest mean time of a pane's requests; 0: none ended."""
    return max(
        (part.total_sum_s / part.finished for part in parts if part.finished > 0 and part.total_sum_s > 0),
        default=0.0,
    )


def _open(window: Window) -> float:
    parts = window.requests
    if not parts:
        return NAN
    last = max(part.started_at for part in parts)
    return fsum(part.open for part in parts if part.started_at == last)


PATTERN = Pattern(
    id="queue_stall",
    title="Requests make no progress",
    about="Requests are in progress or waiting, and not one token has come for a long time.",
    window_s=600,
    min_coverage=0.0,
    for_s=0,
    clear_s=30,
    hints={"warning": "steer_away", "critical": "steer_away"},
    action="restart_runtime",
    recommendation="Read the runtime's log and restart it; its requests can be tried elsewhere.",
    thresholds=QueueStall,
    judge=judge,
)
