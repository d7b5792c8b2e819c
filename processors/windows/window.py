"""A window: the last panes of a node, and what patterns ask of them.

Everything is computed when it is asked for and kept: thirty patterns share a window, and most ask for the
same. Coverage is by time: a window of five minutes has thirty places, and a pane that never came leaves one
empty.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from math import fsum

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

    def last(self, seconds: int) -> "Window":
        """Return the newest part of this window as a window."""
        if seconds == self.seconds:
            return self
        return Window(self.slots, self._requests, self.ended_at, seconds)

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
            place = Slot._fields.index(name)
            found = self._columns[name] = [slot[place] for slot in self.slots]  # type: ignore[misc]
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
        found: dict[str, list[tuple[int, GpuSlot]]] = {}
        for slot in self.slots:
            for gpu in slot.gpus:
                if gpu.whole:
                    found.setdefault(gpu.gpu_id, []).append((slot.started_at + PANE_US, gpu))
        return dict(sorted(found.items()))

    @cached_property
    def gpu_series(self) -> list[GpuSeries]:
        """The same, by column; in the order of the ids."""
        return [GpuSeries(gpu_id, points, self.places) for gpu_id, points in self.gpus.items()]

    @cached_property
    def runtimes(self) -> dict[str, list[tuple[int, RuntimeSlot]]]:
        """Runtimes by runtime_id, each as (end of pane, slot), in the order of the ids."""
        found: dict[str, list[tuple[int, RuntimeSlot]]] = {}
        for slot in self.slots:
            for runtime in slot.runtimes:
                found.setdefault(runtime.runtime_id, []).append((slot.started_at + PANE_US, runtime))
        return dict(sorted(found.items()))

    @cached_property
    def models(self) -> dict[tuple[str, str], list[tuple[int, ModelSlot]]]:
        """Loaded models by (runtime_id, name), each as (end of pane, slot)."""
        found: dict[tuple[str, str], list[tuple[int, ModelSlot]]] = {}
        for slot in self.slots:
            for model in slot.models:
                key = model.runtime_id, model.name
                found.setdefault(key, []).append((slot.started_at + PANE_US, model))
        return dict(sorted(found.items()))

    @cached_property
    def health(self) -> dict[str, list[tuple[int, HealthSlot]]]:
        """Slow readings by gpu_id, each as (end of pane, slot); not every pane has them."""
        found: dict[str, list[tuple[int, HealthSlot]]] = {}
        for slot in self.slots:
            for health in slot.health:
                found.setdefault(health.gpu_id, []).append((slot.started_at + PANE_US, health))
        return dict(sorted(found.items()))

    @cached_property
    def requests(self) -> list[RequestSlot]:
        """Parts of request panes, those of the newest ``REQUESTS_LAG_US`` left out; the window is as long."""
        until = self.ended_at - REQUESTS_LAG_US
        since = self.started_at - REQUESTS_LAG_US
        return [
            part for part in self._requests if part.started_at >= since and part.started_at + PANE_US <= until
        ]


def _started_at(slot: Slot) -> int:
    return slot.started_at


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
