"""What is in a sample only now and then: every ten seconds, and when it changed."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from producers.node.progress import View
from producers.node.source import Facts, Xid
from schemas.events.node_sample import CollectorReport, GpuHealth, SensorTemperature

PERIOD_S = 10.0
# A change of one of these is news; the rest (clocks, throughput, PCIe generation) changes all the time.
_NEWS = (
    "pcie_width",
    "pcie_replays_total",
    "ecc_uncorrected_volatile_total",
    "ecc_uncorrected_aggregate_total",
    "remapped_rows_uncorrectable_total",
    "remapped_rows_pending",
    "retired_pages_total",
    "nvlink_links_active",
    "nvlink_errors_total",
)


class Slow(NamedTuple):
    """The parts that most samples leave empty."""

    gpu_health: tuple[GpuHealth, ...] = ()
    temperatures: tuple[SensorTemperature, ...] = ()
    collectors: tuple[CollectorReport, ...] = ()


class SlowParts:
    """Decides what the next sample carries. Its state is what was sent last."""

    def __init__(self) -> None:
        self._next_s = float("-inf")
        self._health: Mapping[str, GpuHealth] = {}
        self._xid_number = 0
        self._statuses: dict[str, str] = {}

    def due(self, now_s: float) -> bool:
        """Return whether everything is due; if so, the next time is set."""
        if now_s < self._next_s:
            return False
        self._next_s = now_s + PERIOD_S
        return True

    def changed(self, views: Sequence[View]) -> tuple[str, ...]:
        """Return the collectors whose status is another than when they were last asked about here."""
        changed = tuple(view.name for view in views if self._statuses.get(view.name) != view.status)
        self._statuses = {view.name: view.status for view in views}
        return changed

    def gpu_health(self, views: Sequence[View], now_s: float, *, due: bool) -> tuple[GpuHealth, ...]:
        """Return the health of every GPU where due, else of those that have news; with new XIDs."""
        found: dict[str, GpuHealth] = {}
        fresh: list[Xid] = []
        for facts, age_s in _facts(views, now_s):
            found |= {one.gpu_id: one._replace(age_s=one.age_s + age_s) for one in facts.gpu_health}
            fresh += [xid for xid in facts.xids if xid.number > self._xid_number]
        self._xid_number = max((xid.number for xid in fresh), default=self._xid_number)
        codes = {gpu_id: tuple(xid.code for xid in fresh if xid.gpu_id == gpu_id) for _, gpu_id, _ in fresh}
        found |= {gpu_id: GpuHealth(gpu_id) for gpu_id in codes if gpu_id not in found}
        chosen = {
            gpu_id: one
            for gpu_id, one in found.items()
            if due or gpu_id in codes or _news(self._health.get(gpu_id), one)
        }
        self._health = {**self._health, **chosen}
        return tuple(one._replace(xids=codes.get(gpu_id, ())) for gpu_id, one in chosen.items())


def temperatures(views: Sequence[View]) -> tuple[SensorTemperature, ...]:
    """Return every named temperature."""
    return tuple(one for view in views if view.reading is not None for one in view.reading.facts.temperatures)


def _facts(views: Sequence[View], now_s: float) -> list[tuple[Facts, float]]:
    return [
        (view.reading.facts, max(0.0, now_s - view.reading.taken_s))
        for view in views
        if view.reading is not None
    ]


def _news(before: GpuHealth | None, now: GpuHealth) -> bool:
    if before is None:
        return True
    pairs = ((getattr(before, name), getattr(now, name)) for name in _NEWS)
    return any(was != is_ and (was == was or is_ == is_) for was, is_ in pairs)
