"""Logarithmic histograms: quantiles that survive merging, within 9.1 % of the value.

A value's bucket is found by comparing with the bounds of buckets, never by a logarithm: the last digit of a
logarithm differs between machines, and a replay must fill the same buckets.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from math import ceil, frexp, inf

from schemas.events.node_pane import Histogram
from schemas.events.reading import NAN

PER_OCTAVE = 8
# 2 ** (k / 8), written out: the constants are the definition. Bucket i holds bound i < value <= bound i + 1.
_WITHIN = (
    1.0,
    1.0905077326652577,
    1.189207115002721,
    1.2968395546510096,
    1.4142135623730951,
    1.5422108254079407,
    1.681792830507429,
    1.8340080864093424,
    2.0,
)
EMPTY = Histogram(0, (), ())


def bucket_of(value: float) -> int:
    """Return the bucket of a positive finite value."""
    mantissa, exponent = frexp(value)  # exact: value = mantissa * 2**exponent, 0.5 <= mantissa < 1
    place = bisect_left(_WITHIN, mantissa * 2.0) - 1
    return (exponent - 1) * PER_OCTAVE + place


def upper_bound(bucket: int) -> float:
    """Return the largest value a bucket holds."""
    octave, place = divmod(bucket, PER_OCTAVE)
    return float(_WITHIN[place + 1] * 2.0**octave)


def fold(readings: Iterable[float]) -> Histogram:
    """Count readings; NaN and infinite ones are left out."""
    zeros = 0
    counts: dict[int, int] = {}
    for value in readings:
        if 0.0 < value < inf:
            bucket = bucket_of(value)
            counts[bucket] = counts.get(bucket, 0) + 1
        elif -inf < value <= 0.0:
            zeros += 1
    return _histogram(zeros, counts)


def merge(histograms: Iterable[Histogram]) -> Histogram:
    """Add counts; the order does not matter."""
    zeros = 0
    counts: dict[int, int] = {}
    for histogram in histograms:
        zeros += histogram.zeros
        for bucket, count in zip(histogram.buckets, histogram.counts, strict=True):
            counts[bucket] = counts.get(bucket, 0) + count
    return _histogram(zeros, counts)


def quantile(histogram: Histogram, share: float) -> float:
    """Return an upper bound of the quantile, at most 9.1 % above it; NaN without readings."""
    total = histogram.zeros + sum(histogram.counts)
    if not total:
        return NAN
    rank = max(1, ceil(share * total))
    return 0.0 if rank <= histogram.zeros else _ranked(histogram, rank - histogram.zeros)


def _ranked(histogram: Histogram, rank: int) -> float:
    seen = 0
    for bucket, count in zip(histogram.buckets, histogram.counts, strict=True):
        seen += count
        if seen >= rank:
            return upper_bound(bucket)
    return upper_bound(histogram.buckets[-1])


def _histogram(zeros: int, counts: dict[int, int]) -> Histogram:
    buckets: Sequence[int] = sorted(counts)
    return Histogram(zeros, tuple(buckets), tuple(counts[bucket] for bucket in buckets))
