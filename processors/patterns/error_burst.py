"""Requests fail at a node."""

from dataclasses import dataclass

from processors.patterns.outcomes import ended
from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.window import Window
from schemas.events.observation import Severity


@dataclass(frozen=True, slots=True)
class ErrorBurst(Thresholds):
    """Thresholds of error_burst."""

    failed_min: float = threshold(5.0, 1.0, 1e6, doc="requests failed in two minutes")
    share_min: float = threshold(0.1, 0.001, 1.0, doc="the same, as a share of those that ended")
    all_failed_min: float = threshold(
        3.0, 1.0, 1e6, doc="requests failed that suffice where hardly any succeeds"
    )
    critical_share: float = threshold(0.5, 0.01, 1.0, doc="share that is critical")


def judge(window: Window, limits: ErrorBurst) -> Judgement:
    """Requests failed at the node, or had to be sent to another."""
    found = ended(window)
    if not found.ended:
        return UNKNOWN
    failed = found.failed + found.moved
    share = failed / found.ended
    evidence = (
        compared("share_failed", share, ">=", limits.share_min),
        compared("failed", failed, ">=", limits.failed_min),
        measured("sent_elsewhere", found.moved),
        measured("completed", found.completed),
    )
    severe = share >= limits.critical_share
    needed = limits.all_failed_min if severe else limits.failed_min
    if failed < needed or share < limits.share_min:
        return Judgement(False, evidence)
    severity: Severity = "critical" if severe else "warning"
    text = f"{failed:.0f} of {found.ended:.0f} requests failed at the node in two minutes"
    confidence = min(1.0, 0.5 + failed / 20.0)
    return Judgement(True, evidence, severity, confidence, (), text)


PATTERN = Pattern(
    id="error_burst",
    title="Requests fail",
    about="Requests sent to the node fail, or are tried again elsewhere, more often than now and then.",
    window_s=120,
    min_coverage=0.0,
    for_s=0,
    clear_s=60,
    hints={"warning": "reduce_batch", "critical": "steer_away"},
    action="check_inference_latency",
    recommendation="Read the runtime's log; restart the runtime if it does not recover by itself.",
    thresholds=ErrorBurst,
    judge=judge,
)
