"""Counters to differences, each counted in one sample and no other. Pure.

    a runtime's page --> Totals (running totals of this agent's run) --> Facts --> Differences --> the sample

A reading is taken every two seconds and a sample every second, or every ten: a difference made where the
reading is made would be counted twice, or lost. So a reading carries totals, ``interval_s`` too, and the
sample takes the difference to the sample before.

A counter that went back, or is gone, says that another process answers. Nobody knows what it counted before
we looked, and two runtimes may take turns on one port, so its first page is the new ground: what it counted
until then is not told. Prometheus would take all of it for new.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from schemas.events.node_sample import LoadedModel, RuntimeSample
from schemas.events.reading import NAN

COUNTS = (
    "prompt_tokens",
    "generation_tokens",
    "cached_prompt_tokens",
    "requests_finished",
    "requests_failed",
    "preemptions",
    "ttft_sum_s",
    "ttft_count",
    "e2e_sum_s",
    "e2e_count",
    "queue_sum_s",
    "queue_count",
)
MODEL_COUNTS = ("prompt_tokens", "generation_tokens")
# Runtimes whose last sample is remembered: more than a node has, fewer than would fill its memory in a year.
_REMEMBERED = 256


class Count(NamedTuple):
    """One counter as a runtime shows it: the field of RuntimeSample it adds to, and which series it is."""

    field: str
    series: str
    value: float
    model: str = ""


class Totals:
    """What one runtime counted since this agent first saw it, over the processes that followed each other."""

    def __init__(self) -> None:
        self.interval_s = 0.0
        self._sums: dict[str, float] = {}
        self._models: dict[tuple[str, str], float] = {}
        self._last: tuple[float, Mapping[str, float]] | None = None

    def observe(self, now_s: float, counts: Iterable[Count]) -> None:
        """Add what was counted since the page before; ``now_s`` is monotonic."""
        found = {count.series: count for count in counts}
        values = {series: count.value for series, count in found.items()}
        last, self._last = self._last, (now_s, values)
        for count in found.values():
            self._sums.setdefault(count.field, 0.0)
        if last is None or _another_process(last[1], values):
            named = {count.model for count in found.values()}
            self._models = {key: total for key, total in self._models.items() if key[0] in named}
            return
        self.interval_s += max(0.0, now_s - last[0])
        for series, count in found.items():
            self._add(count, count.value - last[1].get(series, 0.0))

    def restart(self) -> None:
        """Another process answers from now on: its first page is the new ground."""
        self._last = None

    def onto(self, sample: RuntimeSample) -> RuntimeSample:
        """Return the sample with the totals in the fields of its counts; NaN where none was ever told."""
        models = tuple(map(self._onto_model, sample.models))
        sums: dict[str, Any] = {name: self._sums.get(name, NAN) for name in COUNTS}
        return sample._replace(interval_s=self.interval_s if self._sums else NAN, models=models, **sums)

    def _onto_model(self, model: LoadedModel) -> LoadedModel:
        sums: dict[str, Any] = {name: self._models.get((model.name, name), NAN) for name in MODEL_COUNTS}
        return model._replace(**sums)

    def _add(self, count: Count, difference: float) -> None:
        self._sums[count.field] += difference
        if count.model and count.field in MODEL_COUNTS:
            key = (count.model, count.field)
            self._models[key] = self._models.get(key, 0.0) + difference


def _another_process(before: Mapping[str, float], now: Mapping[str, float]) -> bool:
    return any(not now.get(series, -1.0) >= value for series, value in before.items())


class Differences:
    """Turns the totals of readings into the counts of samples; what it gave out once it never gives again."""

    def __init__(self) -> None:
        self._last: dict[str, RuntimeSample] = {}

    def take(self, runtimes: Iterable[RuntimeSample]) -> tuple[RuntimeSample, ...]:
        """Return the runtimes with what was counted since the last sample; NaN where no reading is newer."""
        return tuple([self._one(runtime) for runtime in runtimes])

    def _one(self, now: RuntimeSample) -> RuntimeSample:
        before = self._last.pop(now.runtime_id, None)
        self._last[now.runtime_id] = now if now.interval_s >= 0 or before is None else before
        if len(self._last) > _REMEMBERED:
            self._last.pop(next(iter(self._last)))
        return since(before, now)


def since(before: RuntimeSample | None, now: RuntimeSample) -> RuntimeSample:
    """Return ``now`` with the differences of its totals to ``before``, which may have begun anew since."""
    if before is not None and before.interval_s > now.interval_s:
        before = None
    interval_s = now.interval_s - _known(before.interval_s if before else NAN)
    if not interval_s > 0:
        blank: dict[str, Any] = dict.fromkeys(COUNTS, NAN)
        return now._replace(interval_s=NAN, models=tuple(map(_uncounted, now.models)), **blank)
    counts: dict[str, Any] = {
        name: getattr(now, name) - _known(getattr(before, name, NAN)) for name in COUNTS
    }
    earlier = {model.name: model for model in before.models} if before else {}
    models = tuple(_model_since(earlier.get(model.name), model) for model in now.models)
    return now._replace(interval_s=interval_s, models=models, **counts)


def _model_since(before: LoadedModel | None, now: LoadedModel) -> LoadedModel:
    """A model that was forgotten and came back counts from zero again."""
    found: dict[str, Any] = {}
    for name in MODEL_COUNTS:
        total, earlier = getattr(now, name), _known(getattr(before, name, NAN))
        found[name] = total if total < earlier else total - earlier
    return now._replace(**found)


def _uncounted(model: LoadedModel) -> LoadedModel:
    blank: dict[str, Any] = dict.fromkeys(MODEL_COUNTS, NAN)
    return model._replace(**blank)


def _known(value: float) -> float:
    return 0.0 if math.isnan(value) else value
