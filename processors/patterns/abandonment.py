"""Callers go away before they have their answer."""

from dataclasses import dataclass

from processors.patterns.outcomes import ended
from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.window import Window
from schemas.events.observation import Severity


@dataclass(frozen=True, slots=True)
class Abandonment(Thresholds):
    """Thresholds of abandonment."""

    abandoned_min: float = threshold(5.0, 1.0, 1e6, doc="requests that callers left in five minutes")
    share_min: float = threshold(0.25, 0.01, 1.0, doc="the same, as a share of those that ended")
    critical_share: float = threshold(0.5, 0.01, 1.0, doc="share that is critical")
    critical_min: float = threshold(10.0, 1.0, 1e6, doc="requests left, for the same")


def judge(window: Window, limits: Abandonment) -> Judgement:
    """Callers left a good part of the requests at the node."""
    found = ended(window)
    if not found.ended:
        return UNKNOWN
    share = found.abandoned / found.ended
    evidence = (
        compared("share_abandoned", share, ">=", limits.share_min),
        compared("abandoned", found.abandoned, ">=", limits.abandoned_min),
        measured("without_a_token", min(found.unanswered, found.abandoned)),
        measured("completed", found.completed),
    )
    if found.abandoned < limits.abandoned_min or share < limits.share_min:
        return Judgement(False, evidence)
    severe = share >= limits.critical_share and found.abandoned >= limits.critical_min
    severity: Severity = "critical" if severe else "warning"
    text = f"callers left {found.abandoned:.0f} of {found.ended:.0f} requests in five minutes"
    return Judgement(True, evidence, severity, min(1.0, 0.5 + found.abandoned / 40.0), (), text)


PATTERN = Pattern(
    id="abandonment",
    title="Callers give up",
    about="Callers leave a quarter of the requests at the node, or more.",
    window_s=300,
    min_coverage=0.0,
    for_s=0,
    clear_s=60,
    hints={"warning": "reduce_batch", "critical": "steer_away"},
    action="check_inference_latency",
    recommendation=(
        "See how long callers wait for the first token here and how long they are willing to; send less to "
        "it."
    ),
    thresholds=Abandonment,
    judge=judge,
)
