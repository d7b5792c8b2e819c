"""What serves and how fast: tokens a second from counters, never from memory, never from a probe."""

from collections.abc import Sequence
from math import fsum

from schemas.events.node_sample import RuntimeSample
from schemas.events.reading import NAN, known

# A runtime's reading older than this says nothing about now.
STALE_S = 15.0


def fresh(runtime: RuntimeSample) -> bool:
    """Return whether a runtime answered lately. An unknown age is taken for new."""
    return runtime.status == "up" and not runtime.age_s > STALE_S


def user_requests(runtime: RuntimeSample) -> float:
    """Return requests in progress that are not our own probes; NaN where the runtime does not tell."""
    probes = runtime.probes_running if runtime.probes_running > 0 else 0.0
    return max(0.0, runtime.requests_running - probes) if known(runtime.requests_running) else NAN


def tokens_per_second(runtime: RuntimeSample) -> float:
    """Return generated tokens a second over the runtime's last interval; NaN while it is idle.

    Zero means: requests are in progress and none of them got a token, as during prefill.
    """
    if not fresh(runtime) or not runtime.interval_s > 0 or probe_made(runtime):
        return NAN
    if runtime.generation_tokens > 0:
        return runtime.generation_tokens / runtime.interval_s
    return 0.0 if runtime.generation_tokens == 0 and user_requests(runtime) > 0 else NAN


def without_news(runtime: RuntimeSample) -> bool:
    """Return whether it has requests in progress, counts tokens, and has not been read since the last sample.

    A runtime that is read every two seconds says something new in every other sample of one a second.
    """
    return fresh(runtime) and not runtime.interval_s > 0 and user_requests(runtime) > 0


def probe_made(runtime: RuntimeSample) -> bool:
    """Return whether the interval's tokens may be our own probe's, with no request of a user beside it."""
    if user_requests(runtime) > 0:
        return False
    probed = runtime.probe_age_s <= runtime.interval_s + max(
        0.0, runtime.age_s if known(runtime.age_s) else 0.0
    )
    return probed or runtime.probes_running > 0


def total(speeds: Sequence[float]) -> float:
    """Return the sum of the known speeds; NaN where none is."""
    found = [speed for speed in speeds if known(speed)]
    return fsum(found) if found else NAN
