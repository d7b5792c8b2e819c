"""A window: the last panes of a node, and what patterns ask of them.

Everything is computed when it is asked for and kept: thirty patterns share a window, and most ask for the
same. Coverage is by time: a window of five minutes has thirty places, and a pane that never came leaves one
empty.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from math import fsum
from operator import itemgetter
from typing import TypeVar

from processors.panes.statistics import merge_all
from processors.windows.requests import RequestSlot
from processors.windows.series import GpuSeries
from processors.windows.slot import GpuSlot, HealthSlot, ModelSlot, RuntimeSlot, Slot
from schemas.events.node_pane import Statistic
from schemas.events.reading import NAN

PANE_US = 10_000_000
PANE_S = 10
MINUTE_US = 60_000_000
# Request panes are written by another stage, a little later than the node's: what is younger is left for the
# next judgement, so that which of two topics was ahead does not change an answer.
REQUESTS_LAG_US = 20_000_000

_Key = TypeVar("_Key")
_Part = TypeVar("_Part")


class Window:
    """The panes that end in (``ended_at`` - ``seconds``, ``ended_at``], oldest first."""

    def __init__(
        self, slots: Sequence[Slot], requests: Sequence[RequestSlot], ended_at: int, seconds: int
    ) -> None:
        self.ended_at = ended_at
        self.seconds = seconds
        self.started_at = ended_at - seconds * 1_000_000
        self.slots = slots[bisect_left(slots, self.started_at, key=_started_at) :]
        self._requests = requests
        self._columns: dict[str, list[float]] = {}
        self._shorter: dict[int, Window] = {}
        self._longer: Window | None = None

    def last(self, seconds: int) -> "Window":
        """Return the newest part of this window as a window; it takes from here what is computed here."""
        if seconds == self.seconds:
            return self
        found = self._shorter.get(seconds)
        if found is None:
            found = Window(self.slots, self._requests, self.ended_at, seconds)
            found._longer = self
            self._shorter[seconds] = found
        return found

    @property
    def places(self) -> int:
        """How many panes the window would have."""
        return self.seconds // PANE_S

    @property
    def coverage(self) -> float:
        """Share of its places that have a pane."""
        return min(1.0, len(self.slots) / self.places)

    def column(self, name: str) -> list[float]:
        """Return a numeric field of every slot, NaN where there was no reading."""
        found = self._columns.get(name)
        if found is None:
            if self._longer is None:
                place = Slot._fields.index(name)
                found = list(map(itemgetter(place), self.slots))
            else:
                found = self._longer.column(name)[-len(self.slots) :] if self.slots else []
            self._columns[name] = found
        return found

    def known(self, name: str) -> list[float]:
        """Return the readings of a field, those that are missing left out."""
        return [value for value in self.column(name) if value == value]

    def mean(self, name: str) -> float:
        """Return the mean of a field over its panes; NaN where none has it."""
        return mean(self.known(name))

    def share(self, holds: Callable[[Slot], bool]) -> float:
        """Return the share of the window's panes for which something holds; NaN without panes."""
        return sum(map(holds, self.slots)) / len(self.slots) if self.slots else NAN

    def points(self, name: str) -> list[tuple[int, float]]:
        """Return (end of pane, reading) of a field, where there is one."""
        column = self.column(name)
        return [
            (slot.started_at + PANE_US, value)
            for slot, value in zip(self.slots, column, strict=True)
            if value == value
        ]

    @cached_property
    def tokens_per_second(self) -> Statistic:
        """Generated tokens a second while serving."""
        return merge_all(slot.tokens_per_second for slot in self.slots)

    @cached_property
    def power_w(self) -> Statistic:
        """Watts of the node."""
        return merge_all(slot.power_w for slot in self.slots)

    @cached_property
    def wes(self) -> Statistic:
        """Tokens a joule while serving."""
        return merge_all(slot.wes for slot in self.slots)

    @cached_property
    def live(self) -> float:
        """Share of the window's panes' samples in which the node was serving; NaN without panes."""
        return mean(self.column("live"))

    @cached_property
    def gpus(self) -> dict[str, list[tuple[int, GpuSlot]]]:
        """Whole accelerators by gpu_id, each as (end of pane, slot), in the order of the ids."""
        if self._longer is not None:
            return self._newest(self._longer.gpus)
        found: dict[str, list[tuple[int, GpuSlot]]] = {}
        for slot in self.slots:
            for gpu in slot.gpus:
                if gpu.whole:
                    _add(found, gpu.gpu_id, slot.started_at + PANE_US, gpu)
        return dict(sorted(found.items()))

    @cached_property
    def gpu_series(self) -> list[GpuSeries]:
        """The same, by column; in the order of the ids."""
        if self._longer is None:
            return [GpuSeries(gpu_id, points, self.places) for gpu_id, points in self.gpus.items()]
        parts = (series.since(self.started_at, self.places) for series in self._longer.gpu_series)
        return [part for part in parts if part is not None]

    @cached_property
    def runtimes(self) -> dict[str, list[tuple[int, RuntimeSlot]]]:
        """Runtimes by runtime_id, each as (end of pane, slot), in the order of the ids."""
        if self._longer is not None:
            return self._newest(self._longer.runtimes)
        found: dict[str, list[tuple[int, RuntimeSlot]]] = {}
        for slot in self.slots:
            for one in slot.runtimes:
                _add(found, one.runtime_id, slot.started_at + PANE_US, one)
        return dict(sorted(found.items()))

    @cached_property
    def models(self) -> dict[tuple[str, str], list[tuple[int, ModelSlot]]]:
        """Loaded models by (runtime_id, name), each as (end of pane, slot)."""
        if self._longer is not None:
            return self._newest(self._longer.models)
        found: dict[tuple[str, str], list[tuple[int, ModelSlot]]] = {}
        for slot in self.slots:
            for one in slot.models:
                _add(found, (one.runtime_id, one.name), slot.started_at + PANE_US, one)
        return dict(sorted(found.items()))

    @cached_property
    def health(self) -> dict[str, list[tuple[int, HealthSlot]]]:
        """Slow readings by gpu_id, each as (end of pane, slot); not every pane has them."""
        if self._longer is not None:
            return self._newest(self._longer.health)
        found: dict[str, list[tuple[int, HealthSlot]]] = {}
        for slot in self.slots:
            for one in slot.health:
                _add(found, one.gpu_id, slot.started_at + PANE_US, one)
        return dict(sorted(found.items()))

    @cached_property
    def requests(self) -> list[RequestSlot]:
        """Parts of request panes, those of the newest ``REQUESTS_LAG_US`` left out; the window is as long."""
        parts = self._requests
        first = bisect_left(parts, self.started_at - REQUESTS_LAG_US, key=_begun)
        last = bisect_right(parts, self.ended_at - REQUESTS_LAG_US - PANE_US, key=_begun)
        return list(parts[first:last])

    def _newest(self, longer: Mapping[_Key, list[tuple[int, _Part]]]) -> dict[_Key, list[tuple[int, _Part]]]:
        """Return what of a longer window's parts ended in this one."""
        found = {
            key: points[bisect_right(points, self.started_at, key=_end) :] for key, points in longer.items()
        }
        return {key: points for key, points in found.items() if points}


def _add(found: dict[_Key, list[tuple[int, _Part]]], key: _Key, end: int, part: _Part) -> None:
    points = found.get(key)
    if points is None:
        found[key] = [(end, part)]
    else:
        points.append((end, part))


def _begun(part: RequestSlot) -> int:
    return part.started_at


def _started_at(slot: Slot) -> int:
    return slot.started_at


def _end(point: tuple[int, object]) -> int:
    return point[0]


def mean(values: Sequence[float]) -> float:
    """Return the mean of readings that are all known; NaN of none."""
    return fsum(values) / len(values) if values else NAN


def mean_known(values: Iterable[float]) -> float:
    """Return the mean of the readings that are known; NaN of none."""
    return mean([value for value in values if value == value])


def slope_per_minute(points: Sequence[tuple[int, float]]) -> float:
    """Return the least-squares slope of (µs, reading), in units of the reading a minute; NaN below three."""
    n = len(points)
    if n < 3:
        return NAN
    at = [(time - points[0][0]) / MINUTE_US for time, _ in points]
    middle = fsum(at) / n
    spread = fsum((x - middle) * (x - middle) for x in at)
    if spread <= 0.0:
        return NAN
    level = fsum(value for _, value in points) / n
    return fsum((x - middle) * (value - level) for x, (_, value) in zip(at, points, strict=True)) / spread
