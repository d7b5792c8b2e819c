"""Requests queue up in a runtime and stay there."""

from dataclasses import dataclass
from typing import NamedTuple

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.window import Window, mean, mean_known, slope_per_minute
from schemas.events.observation import Severity


@dataclass(frozen=True, slots=True)
class QueueSaturation(Thresholds):
    """Thresholds of vllm_queue_saturation."""

    waiting_min: float = threshold(3.0, 1.0, 1e4, doc="requests waiting in a runtime, mean")
    of_running_min: float = threshold(
        0.1, 0.0, 10.0, doc="the same, as a share of the requests in progress: a large batch soon takes a few"
    )
    share_min: float = threshold(0.6, 0.1, 1.0, doc="share of panes in which so many wait")
    known_min: float = threshold(0.5, 0.1, 1.0, doc="share of the window's panes that must have the reading")
    critical_waiting: float = threshold(10.0, 1.0, 1e5, doc="requests waiting, mean, that are critical")
    critical_growing: float = threshold(
        5.0, 1.0, 1e5, doc="requests waiting, mean, critical if they become more"
    )
    growth_min: float = threshold(0.5, 0.0, 1e4, "1/min", doc="more of them each minute")


class _Queue(NamedTuple):
    runtime_id: str
    waiting: float
    running: float
    limit: float
    share: float
    growth: float


def judge(window: Window, limits: QueueSaturation) -> Judgement:
    """More requests wait than the next steps of a batch can take, in most panes."""
    queues = [queue for each in window.runtimes if (queue := _queue(window, each, limits)) is not None]
    if not queues:
        return UNKNOWN
    worst = max(queues, key=lambda queue: (_full(queue, limits), queue.waiting / queue.limit))
    evidence = (
        compared("requests_waiting", worst.waiting, ">=", worst.limit, subject=worst.runtime_id),
        compared("share_of_time", worst.share, ">=", limits.share_min),
        measured("growth", worst.growth, "1/min"),
        measured("requests_running", worst.running),
    )
    full = tuple(sorted(queue.runtime_id for queue in queues if _full(queue, limits)))
    if not full:
        return Judgement(False, evidence)
    text = f"{worst.waiting:.0f} requests wait in {worst.runtime_id} while {worst.running:.0f} are served"
    return Judgement(True, evidence, _severity(worst, limits), worst.share, full, text)


def _queue(window: Window, runtime_id: str, limits: QueueSaturation) -> _Queue | None:
    points = [(end, slot) for end, slot in window.runtimes[runtime_id] if slot.requests_waiting >= 0.0]
    if len(points) < limits.known_min * window.places:
        return None
    waiting = [slot.requests_waiting for _, slot in points]
    most = mean(waiting)
    running = mean_known(slot.requests_running for _, slot in points)
    limit = limits.waiting_min
    if running > 0:
        limit = max(limit, limits.of_running_min * running)
    share = sum(value >= limit for value in waiting) / len(waiting)
    growth = (
        slope_per_minute([(end, slot.requests_waiting) for end, slot in points]) if most >= limit else 0.0
    )
    return _Queue(runtime_id, most, running, limit, share, growth)


def _full(queue: _Queue, limits: QueueSaturation) -> bool:
    return queue.waiting >= queue.limit and queue.share >= limits.share_min


def _severity(queue: _Queue, limits: QueueSaturation) -> Severity:
    scale = queue.limit / limits.waiting_min
    growing = queue.waiting >= limits.critical_growing * scale and queue.growth > limits.growth_min
    return "critical" if queue.waiting >= limits.critical_waiting * scale or growing else "warning"


PATTERN = Pattern(
    id="vllm_queue_saturation",
    title="Requests queue in the runtime",
    about="More requests have waited in a runtime than it soon gets to, for most of five minutes.",
    window_s=300,
    min_coverage=0.7,
    for_s=0,
    clear_s=60,
    hints={"warning": "reduce_batch", "critical": "steer_away"},
    action="check_vllm_queue",
    recommendation=(
        "Send less to this node. If memory allows, let more requests run at once; else add a node that has "
        "the model."
    ),
    thresholds=QueueSaturation,
    judge=judge,
    departs=(
        "The queue must be there in most panes: a single moment with eight waiting was told for five "
        "minutes. Three that wait are held against the batch: behind 64 in progress they are nothing. Any "
        "runtime that counts what waits (vLLM, SGLang, llama.cpp)."
    ),
)
