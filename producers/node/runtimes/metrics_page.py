"""From the series of a metrics page to readings, by a table of names. Pure.

Several names for one reading are versions of it: the first that is there counts, and never two together.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import fsum

from producers.node.runtimes.deltas import Count
from producers.node.runtimes.prometheus import Series
from producers.node.runtimes.runtime import Live
from schemas.events.reading import NAN

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Which metrics hold which reading. ``counts``: a field of RuntimeSample to the counters for it."""

    running: Names = ()
    waiting: Names = ()
    kv_cache: Names = ()
    counts: Mapping[str, Names] = field(default_factory=dict)
    model_label: str = "model_name"
    more: Names = ()

    @property
    def names(self) -> frozenset[str]:
        """Every metric to look for."""
        told = (self.running, self.waiting, self.kv_cache, self.more, *self.counts.values())
        return frozenset(name for names in told for name in names)


def histogram(*names: str) -> tuple[Names, Names]:
    """Return the metrics that hold the sum and the count of a histogram."""
    return tuple(f"{name}_sum" for name in names), tuple(f"{name}_count" for name in names)


def live(table: Table, series: Collection[Series]) -> Live:
    """Return the readings: gauges and counters summed over engines, the share of cache in use averaged.

    A negative counter is no count. A gauge is left as it is: what cannot be is sorted out in the sample.
    """
    by_name: dict[str, list[Series]] = {}
    for each in series:
        by_name.setdefault(each.name, []).append(each)
    running, kv_cache = first(by_name, table.running), first(by_name, table.kv_cache)
    return Live(
        requests_running=total(running),
        requests_waiting=total(first(by_name, table.waiting)),
        kv_cache_ratio=total(kv_cache) / len(kv_cache) if kv_cache else NAN,
        counts=tuple(
            Count(name, each.key, each.value, each.labels.get(table.model_label, ""))
            for name, metrics in table.counts.items()
            for each in first(by_name, metrics)
            if each.value >= 0
        ),
        running_by_model=_by_model(running, table.model_label),
    )


def first(by_name: Mapping[str, list[Series]], names: Names) -> list[Series]:
    """Return the series of the first metric that is there."""
    return next((by_name[name] for name in names if name in by_name), [])


def total(series: Collection[Series]) -> float:
    """Return the sum; NaN of none."""
    return fsum(each.value for each in series) if series else NAN


def _by_model(series: Collection[Series], label: str) -> tuple[tuple[str, float], ...]:
    found: dict[str, float] = {}
    for each in series:
        if model := each.labels.get(label):
            found[model] = found.get(model, 0.0) + each.value
    return tuple(found.items())
