"""The key-value cache of a runtime is full, most of the time."""

from dataclasses import dataclass
from math import fsum

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.window import Window, mean, mean_known


@dataclass(frozen=True, slots=True)
class KvCacheSaturation(Thresholds):
    """Thresholds of vllm_kv_cache_saturation."""

    full_ratio: float = threshold(
        0.9, 0.3, 1.0, doc="share of the cache in use that counts as full, mean of a pane"
    )
    share_min: float = threshold(0.7, 0.1, 1.0, doc="share of panes in which it is full")
    known_min: float = threshold(0.5, 0.1, 1.0, doc="share of the window's panes that must have the reading")


def judge(window: Window, limits: KvCacheSaturation) -> Judgement:
    """The cache of some runtime is full in most panes."""
    shares: dict[str, float] = {}
    for runtime_id, points in window.runtimes.items():
        ratios = [slot.kv_cache_ratio for _, slot in points if slot.kv_cache_ratio == slot.kv_cache_ratio]
        if len(ratios) >= limits.known_min * window.places:
            shares[runtime_id] = sum(ratio > limits.full_ratio for ratio in ratios) / len(ratios)
    if not shares:
        return UNKNOWN
    worst = max(sorted(shares), key=lambda runtime_id: shares[runtime_id])
    slots = [slot for _, slot in window.runtimes[worst]]
    ratio = mean_known(slot.kv_cache_ratio for slot in slots)
    waiting = mean_known(slot.requests_waiting for slot in slots)
    evidence = (
        compared("share_of_time", shares[worst], ">=", limits.share_min, subject=worst),
        compared("kv_cache_ratio", ratio, ">", limits.full_ratio, subject=worst),
        measured("requests_waiting", waiting),
        measured("preemptions", fsum(slot.preemptions for slot in slots if slot.preemptions > 0)),
    )
    full = tuple(sorted(each for each, share in shares.items() if share >= limits.share_min))
    if not full:
        return Judgement(False, evidence)
    queue = f", {waiting:.0f} requests waiting" if waiting >= 1 else ""
    text = (
        f"the cache of {worst} is {ratio:.0%} full, "
        f"over {limits.full_ratio:.0%} for {shares[worst]:.0%} of the time{queue}"
    )
    confidence = mean([shares[each] for each in full])
    return Judgement(True, evidence, "warning", confidence, full, text)


PATTERN = Pattern(
    id="vllm_kv_cache_saturation",
    title="Key-value cache full",
    about="A runtime's key-value cache has been over nine tenths full for most of five minutes.",
    window_s=300,
    min_coverage=0.7,
    for_s=0,
    clear_s=60,
    hints={"warning": "reduce_batch"},
    action="reduce_batch_size",
    recommendation=(
        "Send fewer requests at once, or shorter ones; else give the cache more memory, a smaller "
        "quantization of the cache, or the model a shorter context."
    ),
    thresholds=KvCacheSaturation,
    judge=judge,
    departs="Any runtime that tells how full its cache is (vLLM, SGLang, llama-box), each judged on its own.",
)
