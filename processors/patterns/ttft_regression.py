"""First tokens come later and later."""

from dataclasses import dataclass
from math import fsum

from processors.patterns.latencies import Point, factors, first_tokens, mean_s
from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.trend import Trend, trend
from processors.windows.window import Window
from schemas.events.observation import Evidence, Severity

_LATE_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class TtftRegression(Thresholds):
    """Thresholds of ttft_regression."""

    rise_min_s: float = threshold(0.005, 0.0, 10.0, "s/min", doc="seconds later each minute")
    ratio_min: float = threshold(1.75, 1.1, 20.0, doc="mean of the last three minutes against the first five")
    later_min_s: float = threshold(0.15, 0.0, 60.0, "s", doc="seconds later below which nobody minds")
    signal_min: float = threshold(4.0, 2.0, 50.0, doc="times its own standard error that the rise must be")
    requests_min: float = threshold(
        15.0, 3.0, 1e4, doc="first tokens, in the early and in the late part each"
    )
    critical_ratio: float = threshold(4.0, 1.1, 100.0, doc="ratio that is critical")
    critical_mean_s: float = threshold(2.0, 0.0, 600.0, "s", doc="mean of the late part, for the same")


def judge(window: Window, limits: TtftRegression) -> Judgement:
    """Times to the first token rise over ten minutes, by more than their scatter."""
    points = first_tokens(window)
    since = window.ended_at - round(_LATE_SHARE * window.seconds * 1e6)
    half = window.started_at + window.seconds * 500_000
    early = [point for point in points if point.ended_at <= half]
    late = [point for point in points if point.ended_at > since]
    if min(_count(early), _count(late)) < limits.requests_min:
        return UNKNOWN
    before, now = mean_s(early), mean_s(late)
    ratio = now / before if before > 0.0 else float("nan")
    evidence: tuple[Evidence, ...] = (
        compared("ttft", now, ">=", limits.ratio_min * before, "s"),
        compared("ratio", ratio, ">=", limits.ratio_min),
        measured("ttft_before", before, "s"),
        measured("first_tokens", _count(late)),
    )
    if not ratio >= limits.ratio_min or now - before < limits.later_min_s:
        return Judgement(False, evidence)
    found = _rise(points)
    evidence = (*evidence, compared("rise", found.per_minute, ">=", limits.rise_min_s, "s/min"))
    if not (found.per_minute >= limits.rise_min_s and found.signal >= limits.signal_min):
        return Judgement(False, evidence)
    critical = ratio >= limits.critical_ratio and now >= limits.critical_mean_s
    severity: Severity = "critical" if critical else "warning"
    text = f"the first token comes after {now:.2f} s, {before:.2f} s some minutes ago{factors(window)}"
    return Judgement(True, evidence, severity, _confidence(found, late), (), text)


def _count(points: list[Point]) -> float:
    return fsum(point.requests for point in points)


def _rise(points: list[Point]) -> Trend:
    """Return the trend of the panes' means, each as heavy as its requests are many."""
    return trend(
        [point.ended_at for point in points],
        [point.seconds / point.requests for point in points],
        weights=[point.requests for point in points],
    )


def _confidence(found: Trend, late: list[Point]) -> float:
    return max(0.3, min(1.0, found.signal / 10.0, _count(late) / 30.0))


PATTERN = Pattern(
    id="ttft_regression",
    title="First tokens come later",
    about="The time to the first token has risen over ten minutes.",
    window_s=600,
    min_coverage=0.7,
    for_s=0,
    clear_s=60,
    hints={"warning": "reduce_batch", "critical": "steer_away"},
    action="check_inference_latency",
    recommendation=(
        "Send fewer or shorter prompts at once; look at the cache, the queue, heat and swap. If nothing of "
        "that shows and it stays, restart the runtime."
    ),
    thresholds=TtftRegression,
    judge=judge,
    departs=(
        "The slope is in seconds a minute, by time (before: by sample, ten times too insensitive), and the "
        "rise must be large against the node's own level and against its scatter: 5 ms a minute are nothing "
        "on top of two seconds, and two seconds are usual for a large model on a small node. Requests count, "
        "not panes. Sums of any runtime that has them, else what routers saw."
    ),
)
