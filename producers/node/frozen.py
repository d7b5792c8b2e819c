"""Readings that stand still where they cannot: taken out of the sample and kept apart, marked ``frozen``.

A sensor or a driver that hangs often answers its last value for ever. Only fresh readings count: a collector
that brings none shows by its age.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from producers.node.frozen_rules import GPU_RULES, HOST_RULES, Rule
from producers.node.progress import View
from schemas.events.node_sample import GpuSample, HostSample, NodeSample, Suspect
from schemas.events.reading import NAN

# Fewer readings than this prove nothing, however far apart.
LEAST_READINGS = 10
_DRIVER_MEAN_S = 60.0
# Until then a mean says more of the reading it began with than of the load.
_SETTLED_S = 3 * _DRIVER_MEAN_S


@dataclass(slots=True)
class _Streak:
    """The same value since ``since_s``; ``low`` and ``high`` are the driver's means meanwhile."""

    value: float
    since_s: float
    taken_s: float
    driver: float
    low: float = math.inf
    high: float = -math.inf
    readings: int = 1
    frozen: bool = False


class _Reading(NamedTuple):
    key: tuple[str, str]
    rule: Rule
    record: HostSample | GpuSample
    taken_s: float


class FrozenReadings:
    """Remembers, for each reading that has a rule, since when it repeats; nothing of what is gone."""

    def __init__(self) -> None:
        self._streaks: dict[tuple[str, str], _Streak] = {}

    def screened(self, sample: NodeSample, views: Sequence[View]) -> NodeSample:
        """Return the sample without its frozen readings, which it names as suspects."""
        before, self._streaks = self._streaks, {}
        frozen: dict[str, dict[str, float]] = {}
        for reading in _readings(sample, views):
            streak = _advanced(before.get(reading.key), reading)
            if streak is None:
                continue
            self._streaks[reading.key] = streak
            if streak.frozen:
                frozen.setdefault(reading.key[0], {})[reading.key[1]] = streak.value
        return _without(sample, frozen) if frozen else sample


def _readings(sample: NodeSample, views: Sequence[View]) -> Iterator[_Reading]:
    host_taken_s: dict[str, float] = {}
    gpu_taken_s: dict[str, float] = {}
    for view in views:
        if view.reading is not None:
            host_taken_s.update(dict.fromkeys(view.reading.facts.host, view.reading.taken_s))
            gpu_taken_s.update((gpu.gpu_id, view.reading.taken_s) for gpu in view.reading.facts.gpus)
    for rule in HOST_RULES:
        if rule.reading in host_taken_s:
            yield _Reading(("host", rule.reading), rule, sample.host, host_taken_s[rule.reading])
    for gpu in sample.gpus:
        if gpu.gpu_id in gpu_taken_s:
            for rule in GPU_RULES:
                key = (f"gpu.{gpu.gpu_id}", rule.reading)
                yield _Reading(key, rule, gpu, gpu_taken_s[gpu.gpu_id])


def _advanced(streak: _Streak | None, reading: _Reading) -> _Streak | None:
    rule, taken_s = reading.rule, reading.taken_s
    value: float = getattr(reading.record, rule.reading)
    same = streak is not None and value == streak.value
    if streak is not None and same and (streak.frozen or taken_s <= streak.taken_s):
        # Once frozen it stays so until it moves: the end of the load proves nothing.
        return streak
    if math.isnan(value) or not rule.applies(reading.record):
        return None
    driver = rule.driver(reading.record) if rule.driver else NAN
    if streak is None or not same:
        return _Streak(value, taken_s, taken_s, driver)
    _follow(streak, driver, taken_s)
    streak.frozen = (
        streak.readings >= LEAST_READINGS
        and taken_s - streak.since_s >= rule.for_s
        and (rule.driver is None or streak.high - streak.low >= rule.driver_range)
    )
    return streak


def _follow(streak: _Streak, driver: float, taken_s: float) -> None:
    """Add a fresh reading of the same value, and what drives it, to the streak."""
    elapsed_s, streak.taken_s = taken_s - streak.taken_s, taken_s
    streak.readings += 1
    if math.isnan(streak.driver):
        streak.driver = driver
    elif not math.isnan(driver):
        streak.driver += (driver - streak.driver) * elapsed_s / (_DRIVER_MEAN_S + elapsed_s)
    if taken_s - streak.since_s >= _SETTLED_S:
        streak.low, streak.high = min(streak.low, streak.driver), max(streak.high, streak.driver)


def _without(sample: NodeSample, frozen: Mapping[str, Mapping[str, float]]) -> NodeSample:
    suspects = tuple(
        Suspect(f"{prefix}.{name}", value, "frozen")
        for prefix, values in frozen.items()
        for name, value in values.items()
    )
    return sample._replace(
        host=sample.host._replace(**dict.fromkeys(frozen.get("host", ()), NAN)),  # type: ignore[arg-type]  # floats
        gpus=tuple(
            gpu._replace(**dict.fromkeys(frozen.get(f"gpu.{gpu.gpu_id}", ()), NAN))  # type: ignore[arg-type]  # floats
            for gpu in sample.gpus
        ),
        suspects=(*sample.suspects, *suspects),
    )
