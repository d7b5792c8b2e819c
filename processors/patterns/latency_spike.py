"""Requests take much longer than minutes ago, and not because their answers are longer."""

from dataclasses import dataclass
from math import fsum, sqrt
from statistics import median

from processors.patterns.latencies import Point, factors, mean_s, seconds_per_token, whole_requests
from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.window import MINUTE_US, Window
from schemas.events.observation import Severity
from schemas.events.reading import known

# More is not told apart.
_SURE = 99.0
_BEFORE_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class LatencySpike(Thresholds):
    """Thresholds of latency_spike."""

    ratio_min: float = threshold(1.5, 1.1, 20.0, doc="mean of the last four minutes against the six before")
    per_token_min: float = threshold(1.3, 1.0, 20.0, doc="the same ratio of seconds for each token written")
    recent_min_s: float = threshold(0.5, 0.0, 600.0, "s", doc="mean below which nobody minds")
    requests_min: float = threshold(10.0, 3.0, 1e4, doc="requests ended, before and since each")
    steady_s: float = threshold(
        180.0, 60.0, 240.0, "s", doc="how long every minute has been slower than usual before"
    )
    steady_ratio: float = threshold(
        1.3, 1.0, 20.0, doc="mean of each of these minutes against the median of the minutes before"
    )
    signal_min: float = threshold(
        5.0, 2.0, 50.0, doc="times its own standard error that the difference of the means must be"
    )
    critical_ratio: float = threshold(3.0, 1.1, 100.0, doc="ratio of both from which it is critical")


def judge(window: Window, limits: LatencySpike) -> Judgement:
    """The mean time of requests is up, and the time for each of their tokens too."""
    points = whole_requests(window)
    until = window.started_at + round(_BEFORE_SHARE * window.seconds * 1e6)
    before = [point for point in points if point.ended_at <= until]
    recent = [point for point in points if point.ended_at > until]
    if min(_count(before), _count(recent)) < limits.requests_min:
        return UNKNOWN
    then, now = mean_s(before), mean_s(recent)
    ratio = now / then if then > 0.0 else float("nan")
    signal = _signal(before, recent)
    token_then, token_now = seconds_per_token(before), seconds_per_token(recent)
    per_token = token_now / token_then if token_then > 0.0 else float("nan")
    evidence = (
        compared("latency", now, ">=", limits.ratio_min * then, "s"),
        compared("ratio", ratio, ">=", limits.ratio_min),
        compared("ratio_per_token", per_token, ">=", limits.per_token_min),
        compared("signal", signal, ">=", limits.signal_min),
        measured("latency_before", then, "s"),
        measured("requests", _count(recent)),
    )
    slower = ratio >= limits.ratio_min and now >= limits.recent_min_s and signal >= limits.signal_min
    if not slower or per_token < limits.per_token_min or not _steady(window, points, until, limits):
        return Judgement(False, evidence)
    least = min(ratio, per_token) if known(per_token) else ratio
    severity: Severity = "critical" if least > limits.critical_ratio else "warning"
    text = f"requests take {now:.1f} s, {then:.1f} s some minutes ago{factors(window)}"
    confidence = max(0.3, min(1.0, (least - 1.0) / 1.5)) * (1.0 if known(per_token) else 0.7)
    return Judgement(True, evidence, severity, confidence, (), text)


def _count(points: list[Point]) -> float:
    return fsum(point.requests for point in points)


def _signal(before: list[Point], recent: list[Point]) -> float:
    """Return how many standard errors the means are apart; few requests of all lengths are never far.

    The scatter of single requests shows in that of the panes' means: requests times squared distance.
    """
    squares, freedom = 0.0, 0
    for points in (before, recent):
        middle = mean_s(points)
        squares += fsum(point.requests * (point.seconds / point.requests - middle) ** 2 for point in points)
        freedom += len(points) - 1
    if freedom < 1:
        return 0.0
    error = sqrt(squares / freedom * (1.0 / _count(before) + 1.0 / _count(recent)))
    apart = mean_s(recent) - mean_s(before)
    return min(_SURE, apart / error) if error > 0.0 else _SURE if apart > 0.0 else 0.0


def _steady(window: Window, points: list[Point], until: int, limits: LatencySpike) -> bool:
    """Return whether every recent minute was slower than the minutes before: one slow one is no spike."""
    minutes: dict[int, list[Point]] = {}
    for point in points:
        minutes.setdefault((window.ended_at - point.ended_at) // MINUTE_US, []).append(point)
    means = {minute: mean_s(those) for minute, those in minutes.items()}
    first = (window.ended_at - until) // MINUTE_US
    usual = median(mean for minute, mean in means.items() if minute >= first)
    recent = [mean for minute, mean in means.items() if minute < limits.steady_s / 60]
    return bool(recent) and min(recent) >= limits.steady_ratio * usual


PATTERN = Pattern(
    id="latency_spike",
    title="Requests take longer",
    about="Requests have taken much longer in the last four minutes than in the six before.",
    window_s=600,
    min_coverage=0.7,
    for_s=0,
    clear_s=60,
    hints={"warning": "reduce_batch", "critical": "steer_away"},
    action="check_inference_latency",
    recommendation=(
        "Look at the queue, the cache, heat, clocks and swap of the node, and for other programs on it; send "
        "less until it recovers."
    ),
    thresholds=LatencySpike,
    judge=judge,
    departs=(
        "Longer answers take longer and are no fault: the time for each token must be up as well, where "
        "tokens are counted. Means are over requests, not over panes, and every minute of the last three "
        "must be slower than usual. Ten seconds are no longer critical by "
        "themselves: a long answer takes them. Sums of any runtime that has them, else what routers saw."
    ),
)
