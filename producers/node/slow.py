"""What is in a sample only now and then: every ten seconds, and when it changed."""

from collections.abc import Sequence
from typing import NamedTuple

from producers.node import gpu_owners
from producers.node.progress import View
from schemas.events.node_sample import CollectorReport, GpuHealth, SensorTemperature

PERIOD_S = 10.0
# A reading is worth another record when it is this much later; one that is not renewed is sent again after.
_FRESH_S = 0.5 * PERIOD_S
_AGAIN_S = 1.5 * PERIOD_S
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


class _Sent(NamedTuple):
    """What was sent last of a GPU; monotonic seconds."""

    health: GpuHealth
    taken_s: float
    sent_s: float


class SlowParts:
    """Decides what the next sample carries. Its state is what was sent last."""

    def __init__(self) -> None:
        self._next_s = float("-inf")
        self._sent: dict[str, _Sent] = {}
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

    def gpu_health(self, views: Sequence[View], now_s: float) -> tuple[GpuHealth, ...]:
        """Return the health of the GPUs that have a fresh reading or news; with new XIDs.

        Each when its own is fresh: the health of eight in one sample would be larger than the rest of it.
        """
        found = _health(views, now_s)
        codes = self._fresh_xids(views)
        found |= {gpu_id: GpuHealth(gpu_id) for gpu_id in codes if gpu_id not in found}
        chosen = {gpu_id: one for gpu_id, one in found.items() if gpu_id in codes or self._worth(one, now_s)}
        self._sent = {gpu_id: sent for gpu_id, sent in self._sent.items() if gpu_id in found}
        self._sent |= {gpu_id: _Sent(one, now_s - one.age_s, now_s) for gpu_id, one in chosen.items()}
        return tuple(one._replace(xids=codes.get(gpu_id, ())) for gpu_id, one in chosen.items())

    def _worth(self, one: GpuHealth, now_s: float) -> bool:
        sent = self._sent.get(one.gpu_id)
        if sent is None or _news(sent.health, one):
            return True
        fresh = now_s - one.age_s - sent.taken_s >= _FRESH_S
        return fresh or now_s - sent.sent_s >= _AGAIN_S

    def _fresh_xids(self, views: Sequence[View]) -> dict[str, tuple[int, ...]]:
        """Return the codes since the last call, oldest first, by ``gpu_id``."""
        facts = (view.reading.facts for view in views if view.reading is not None)
        fresh = [xid for each in facts for xid in each.xids if xid.number > self._xid_number]
        self._xid_number = max((xid.number for xid in fresh), default=self._xid_number)
        return {gpu_id: tuple(xid.code for xid in fresh if xid.gpu_id == gpu_id) for _, gpu_id, _ in fresh}


def temperatures(views: Sequence[View]) -> tuple[SensorTemperature, ...]:
    """Return every named temperature."""
    return tuple(one for view in views if view.reading is not None for one in view.reading.facts.temperatures)


def _health(views: Sequence[View], now_s: float) -> dict[str, GpuHealth]:
    """Return the last slow readings, with their age now and the runtime of each process."""
    readings = [view.reading for view in views if view.reading is not None]
    runtimes = gpu_owners.pids_of(each for reading in readings for each in reading.facts.runtime_inventory)
    return {
        one.gpu_id: gpu_owners.owned(
            one._replace(age_s=one.age_s + max(0.0, now_s - reading.taken_s)),
            reading.facts.ancestors,
            runtimes,
        )
        for reading in readings
        for one in reading.facts.gpu_health
    }


def _news(before: GpuHealth, now: GpuHealth) -> bool:
    pairs = ((getattr(before, name), getattr(now, name)) for name in _NEWS)
    return any(was != is_ and (was == was or is_ == is_) for was, is_ in pairs)
