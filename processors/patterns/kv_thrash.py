"""The key-value cache is too small: work is thrown away and done again."""

from dataclasses import dataclass
from math import fsum
from typing import NamedTuple

from processors.patterns.pattern import UNKNOWN, Judgement, Pattern, compared, measured
from processors.patterns.thresholds import Thresholds, threshold
from processors.windows.slot import RuntimeSlot
from processors.windows.window import Window, mean_known
from schemas.events.observation import Severity
from schemas.events.reading import NAN

_RECENT_S = 300
_NEWEST = 6


@dataclass(frozen=True, slots=True)
class KvThrash(Thresholds):
    """Thresholds of kv_thrash."""

    preemptions_min: float = threshold(5.0, 1.0, 1e6, doc="requests pushed out of the batch in five minutes")
    of_finished_min: float = threshold(0.05, 0.0, 10.0, doc="the same, for each request that ended")
    critical_of_finished: float = threshold(0.5, 0.0, 100.0, doc="the same, from which it is critical")
    full_ratio: float = threshold(0.9, 0.3, 1.0, doc="share of the cache in use, for evictions to count")
    hits_min: float = threshold(0.2, 0.01, 1.0, doc="share of prompt tokens that came from the cache before")
    hits_lost_min: float = threshold(
        0.6, 0.1, 1.0, doc="share of those hits that are gone: prefixes are evicted"
    )


class _Cache(NamedTuple):
    """One runtime: preemptions and ended requests of five minutes, hits before and now, how full it is.

    ``counts`` is whether it tells of preemptions or of hits at all.
    """

    runtime_id: str
    preemptions: float
    finished: float
    hits_before: float
    hits_now: float
    full: float
    counts: bool

    @property
    def of_finished(self) -> float:
        """Return preemptions for each request that ended."""
        return self.preemptions / max(1.0, self.finished)

    @property
    def hits_lost(self) -> float:
        """Return the share of hits that is gone; NaN where there were none to lose."""
        return 1.0 - self.hits_now / self.hits_before if self.hits_before > 0 else NAN


def judge(window: Window, limits: KvThrash) -> Judgement:
    """Requests are pushed out of the batch, or prefixes out of the cache, again and again."""
    caches = [_cache(runtime_id, points, window, limits) for runtime_id, points in window.runtimes.items()]
    caches = [one for one in caches if one.counts]
    if not caches:
        return UNKNOWN
    worst = max(caches, key=lambda one: (_thrashes(one, limits), one.preemptions, one.runtime_id))
    evidence = (
        compared("preemptions", worst.preemptions, ">=", limits.preemptions_min, subject=worst.runtime_id),
        compared("preemptions_of_finished", worst.of_finished, ">=", limits.of_finished_min),
        compared("cache_hits_lost", worst.hits_lost, ">=", limits.hits_lost_min),
        measured("kv_cache_ratio", worst.full),
    )
    thrashing = tuple(sorted(one.runtime_id for one in caches if _thrashes(one, limits)))
    if not thrashing:
        return Judgement(False, evidence)
    if _preempts(worst, limits):
        severity: Severity = "critical" if worst.of_finished >= limits.critical_of_finished else "warning"
        text = (
            f"{worst.preemptions:.0f} requests pushed out of the batch of {worst.runtime_id} in five "
            f"minutes, {worst.finished:.0f} ended"
        )
        return Judgement(True, evidence, severity, 0.95, thrashing, text)
    text = (
        f"{worst.hits_now:.0%} of prompt tokens come from the cache of {worst.runtime_id}, "
        f"{worst.hits_before:.0%} before it was {worst.full:.0%} full"
    )
    return Judgement(True, evidence, "warning", 0.6, thrashing, text)


def _cache(
    runtime_id: str, points: list[tuple[int, RuntimeSlot]], window: Window, limits: KvThrash
) -> _Cache:
    since = window.ended_at - _RECENT_S * 1_000_000
    now = [slot for end, slot in points if end > since]
    counted = [slot.preemptions for slot in now if slot.preemptions == slot.preemptions]
    full = mean_known([slot.kv_cache_ratio for slot in now])
    evicts = full >= limits.full_ratio
    return _Cache(
        runtime_id,
        fsum(counted) if counted else NAN,
        fsum([slot.requests_finished for slot in now if slot.requests_finished > 0]),
        _hits([slot for end, slot in points if end <= since]) if evicts else NAN,
        _hits(now) if evicts else NAN,
        full,
        bool(counted) or any(slot.cached_prompt_tokens >= 0 for slot in now[-_NEWEST:]),
    )


def _hits(slots: list[RuntimeSlot]) -> float:
    told = [slot for slot in slots if slot.cached_prompt_tokens >= 0 and slot.prompt_tokens >= 0]
    read = fsum(slot.prompt_tokens for slot in told)
    return fsum(slot.cached_prompt_tokens for slot in told) / read if read > 0 else NAN


def _preempts(one: _Cache, limits: KvThrash) -> bool:
    return one.preemptions >= limits.preemptions_min and one.of_finished >= limits.of_finished_min


def _evicts(one: _Cache, limits: KvThrash) -> bool:
    lost = one.hits_before >= limits.hits_min and one.hits_lost >= limits.hits_lost_min
    return lost and one.full >= limits.full_ratio


def _thrashes(one: _Cache, limits: KvThrash) -> bool:
    return _preempts(one, limits) or _evicts(one, limits)


PATTERN = Pattern(
    id="kv_thrash",
    title="Cache too small, work done twice",
    about=(
        "A runtime pushes requests out of its batch, or shared prefixes out of its cache, and reads them "
        "again."
    ),
    window_s=600,
    min_coverage=0.5,
    for_s=0,
    clear_s=60,
    hints={"warning": "reduce_batch", "critical": "steer_away"},
    action="reduce_batch_size",
    recommendation=(
        "Send fewer requests at once or shorter prompts; else lower the number of requests that may run at "
        "once, or give the cache more memory."
    ),
    thresholds=KvThrash,
    judge=judge,
)
