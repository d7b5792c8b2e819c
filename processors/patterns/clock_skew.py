"""The node's clock is wrong."""

from dataclasses import dataclass

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.window import Window
from schemas.events.observation import Severity
from schemas.events.reading import NAN


@dataclass(frozen=True, slots=True)
class ClockSkew(Thresholds):
    """Thresholds of clock_skew."""

    ahead_min_s: float = threshold(2.0, 0.05, 300.0, "s", doc="seconds ahead of the log's clock")
    behind_min_s: float = threshold(
        5.0, 0.05, 3600.0, "s", doc="seconds behind it; a slow network looks alike"
    )
    critical_s: float = threshold(
        60.0,
        1.0,
        3600.0,
        "s",
        doc="seconds either way from which it is critical: samples 300 s ahead are refused",
    )
    own_max_s: float = threshold(
        0.5, 0.01, 60.0, "s", doc="offset by the node's own time source up to which its clock is right"
    )


def judge(window: Window, limits: ClockSkew) -> Judgement:
    """Ahead of the log, or behind it by more than any way takes, all through a minute."""
    skews = window.known("clock_skew_s")
    if len(skews) < max(1, window.places // 2):
        return UNKNOWN
    # What is certain: at least so much ahead, at least so much behind, in every pane.
    ahead_s, behind_s = min(skews), -max(skews)
    own = window.known("clock_offset_s")
    own_s = own[-1] if own else NAN
    skew_s = ahead_s if ahead_s > 0 else -behind_s
    line_s = limits.ahead_min_s if ahead_s > 0 else -limits.behind_min_s
    evidence = (
        compared("clock_skew_s", skew_s, ">=" if line_s > 0 else "<=", line_s, "s"),
        measured("clock_offset_s", own_s, "s"),
        measured("delay_max_s", max(window.known("delay_max_s"), default=NAN), "s"),
    )
    slow_way = behind_s >= limits.behind_min_s and abs(own_s) <= limits.own_max_s
    if slow_way or not (ahead_s >= limits.ahead_min_s or behind_s >= limits.behind_min_s):
        return Judgement(False, evidence)
    severity: Severity = "critical" if abs(skew_s) >= limits.critical_s else "warning"
    text = f"the node's clock is {abs(skew_s):.1f} s {'ahead' if skew_s > 0 else 'behind'}"
    # That a sample came before it was taken admits of one cause; that it came late, of two.
    confidence = 1.0 if skew_s > 0 or abs(own_s) > limits.own_max_s else 0.7
    return Judgement(True, evidence, severity, confidence, (), text)


PATTERN = Pattern(
    id="clock_skew",
    title="The node's clock is wrong",
    about="The node's clock has been ahead of the log's, or far behind it, for a minute.",
    window_s=60,
    min_coverage=0.5,
    for_s=0,
    clear_s=30,
    hints={"warning": "clear", "critical": "monitor"},
    action="synchronize_clock",
    recommendation=(
        "Start or repair time synchronization on the node (chronyc tracking, timedatectl); until then its "
        "times cannot be compared with those of other nodes."
    ),
    thresholds=ClockSkew,
    judge=judge,
)
