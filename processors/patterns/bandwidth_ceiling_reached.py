"""One request at a time goes as fast as the memory can feed it."""

from dataclasses import dataclass
from math import fsum

from processors.patterns.chips import bandwidth_bytes_per_s
from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.patterns.weights import Weights, weights
from processors.windows.serving import resting, worked
from processors.windows.slot import Slot
from processors.windows.window import Window, mean
from schemas.events.reading import NAN

_GB = 1e9


@dataclass(frozen=True, slots=True)
class BandwidthCeilingReached(Thresholds):
    """Thresholds of bandwidth_ceiling_reached."""

    of_rating_min: float = threshold(
        0.5, 0.1, 1.0, doc="share of the rated bandwidth that reading the weights for each token takes"
    )
    of_rating_max: float = threshold(
        1.1, 0.9, 5.0, doc="share above which the weights cannot be what they seem: nothing is said"
    )
    running_max: float = threshold(
        2.5, 1.0, 64.0, doc="requests in progress, mean: a larger batch shares what is read"
    )
    serving_min: float = threshold(0.9, 0.1, 1.0, doc="share of the panes that served one model all the time")
    weights_min_bytes: float = threshold(5e8, 0.0, 1e12, "B", doc="weights below which other costs decide")


def judge(window: Window, limits: BandwidthCeilingReached) -> Judgement:
    """Tokens a second for each request, times the weights it reads, come near the rating."""
    panes = worked(window)
    panes = [pane for pane in panes if pane.work.model == panes[-1].work.model]
    if len(panes) < limits.serving_min * window.places:
        return Judgement(False) if panes or resting(window) else UNKNOWN
    running = mean([pane.work.running for pane in panes])
    if running > limits.running_max:
        return Judgement(False, (compared("requests_running", running, "<=", limits.running_max),))
    model, rating = _weights(panes[-1]), _rating(window)
    speed = mean([pane.tokens_per_second.mean for pane in panes]) / max(1.0, running)
    share = speed * model.active_bytes / rating if rating > 0.0 else NAN
    if not share <= limits.of_rating_max or model.active_bytes < limits.weights_min_bytes:
        return UNKNOWN
    evidence = (
        compared("of_rated_bandwidth", share, ">=", limits.of_rating_min, subject=panes[-1].work.model),
        compared("requests_running", running, "<=", limits.running_max),
        measured("tokens_per_second_each", speed, "tok/s"),
        measured("rated_bandwidth", rating, "B/s"),
        measured("weights_read", model.active_bytes, "B"),
    )
    if share < limits.of_rating_min:
        return Judgement(False, evidence)
    rated = f"{rating / _GB:.0f} GB/s"
    text = f"{speed:.0f} tokens a second for each request take {share:.0%} of the memory's {rated}"
    confidence = (0.9 if model.told else 0.6) * min(1.0, share / (1.5 * limits.of_rating_min) + 0.3)
    return Judgement(True, evidence, "info", min(1.0, confidence), (panes[-1].work.model,), text)


def _weights(pane: Slot) -> Weights:
    model = next(each for each in pane.models if each.name == pane.work.model)
    return weights(model.name, model.parameters, model.quantization)


def _rating(window: Window) -> float:
    """Return the bandwidth of the accelerators at work, together."""
    return fsum(bandwidth_bytes_per_s(gpu.name) for gpu in window.gpu_series if gpu.mean("active") >= 0.5)


PATTERN = Pattern(
    id="bandwidth_ceiling_reached",
    title="As fast as the memory allows",
    about="Single requests run near the speed at which the accelerators' memory can deliver the weights.",
    window_s=300,
    min_coverage=0.9,
    for_s=0,
    clear_s=60,
    hints={"info": "clear"},
    action="bandwidth_ceiling_info",
    recommendation=(
        "Nothing is wrong. A smaller quantization makes each request faster, a larger batch serves more of "
        "them in the same time; a faster processor does neither."
    ),
    thresholds=BandwidthCeilingReached,
    judge=judge,
    departs=(
        "The speed of one request counts: a batch reads the weights once for all, so the tokens of all "
        "requests together pass any such ceiling. The share is of the rated bandwidth, all accelerators at "
        "work together, for the whole of five minutes (before: of 0.4 of it, for 30 s in effect). "
        "Utilization is not asked: while it decodes, an NVIDIA board tells 100 %. Mixtures of experts count "
        "with the active weights, where the name tells them. The hint is clear: there is nothing to route "
        "around."
    ),
)
