"""NVIDIA GPUs by NVML, every device, in one thread: a driver that hangs hangs every call alike.

The live readings are taken each second; the slow ones of the devices in turns, each every
``HEALTH_S``. A device that falls off the bus stays in the facts as lost; NVML is then opened anew every
``REOPEN_S`` to see it come back. pynvml is imported only where a driver's library is: it costs 15 MB.
"""

import contextlib
import ctypes
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from producers.node import process_tree
from producers.node.sensors import gpu_events
from producers.node.sensors.gpu_events import GpuEvents
from producers.node.source import Blocking, Facts, SensorAbsent
from schemas.events.node_registered import GpuInventory
from schemas.events.node_sample import GpuHealth, GpuSample

if TYPE_CHECKING:
    from producers.node.sensors.nvml_session import Session

LIBRARY = "libnvidia-ml.so.1"
HEALTH_S = 10.0
REOPEN_S = 10.0


class Nvml:
    """All NVIDIA devices of the machine; ``clock`` gives monotonic seconds."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        events: GpuEvents | None = None,
        ancestors: Callable[[int], tuple[int, ...]] = process_tree.ancestors,
    ) -> None:
        self._clock = clock
        self._events = events or GpuEvents()
        self._ancestors = ancestors
        self._session: Session | None = None
        self._known: dict[str, GpuInventory] = {}
        self._health: dict[str, tuple[GpuHealth, float]] = {}
        self._due_s: dict[str, float] = {}
        self._ancestry: dict[int, tuple[int, ...]] = {}
        self._divided_anew = False
        self._opened_s = self._next_open_s = float("-inf")

    def read(self) -> Facts:
        """Return the facts of every device that was ever seen, and of the MIG instances there are.

        Raises:
            SensorAbsent: there is no driver, and never was one in this run.
        """
        from_driver: dict[str, GpuSample] = {}
        try:
            session = self._opened()
            from_driver = session.samples()
            self._refresh_health(session)
        except SensorAbsent as exc:
            self._events.closing(exc)
            if not self._known:
                self._events.opened(exc)
                raise
            return self._facts({}, otherwise="error")
        missing = not session.complete or from_driver.keys() != self._known.keys()
        if self._divided_anew:
            self._next_open_s = self._clock()
            self._close()
        elif missing and self._clock() - self._opened_s >= REOPEN_S:
            self._close()  # the next reading sees whether what is lost is back
        return self._facts(from_driver, otherwise="lost")

    def _opened(self) -> "Session":
        if self._session is not None and self._session.gone:
            self._close()
        if self._session is None:
            if self._clock() < self._next_open_s:
                raise SensorAbsent("the NVIDIA driver is gone")
            self._opened_s = self._clock()
            self._next_open_s = self._opened_s + REOPEN_S
            self._session = _session_type()()
            self._events.opened(self._session.events)
            self._know(self._session.inventory)
        return self._session

    def _know(self, inventory: Mapping[str, GpuInventory]) -> None:
        """Add what is listed; forget the MIG instances that their GPU does not have any more."""
        self._divided_anew = False
        self._known = {
            gpu_id: facts
            for gpu_id, facts in {**self._known, **inventory}.items()
            if gpu_id in inventory or facts.mig_parent not in inventory
        }
        self._health = {gpu_id: one for gpu_id, one in self._health.items() if gpu_id in self._known}
        self._due_s = {gpu_id: due_s for gpu_id, due_s in self._due_s.items() if gpu_id in self._known}

    def _close(self) -> None:
        if self._session is not None:
            self._events.closing(SensorAbsent("the NVIDIA driver is opened anew"))
            self._session.close()
            self._session = None

    def _refresh_health(self, session: "Session") -> None:
        """Take the slow readings that are due: at first of all devices, then in turns; and after an event."""
        now_s = self._clock()
        present = [gpu_id for gpu_id in self._known if gpu_id in session.present]
        new = [gpu_id for gpu_id in present if gpu_id not in self._due_s]
        self._due_s |= {gpu_id: now_s + (place + 1) * HEALTH_S / len(new) for place, gpu_id in enumerate(new)}
        looks = self._events.looks()
        for gpu_id in present:
            if gpu_id in looks or gpu_id not in self._health or now_s >= self._due_s[gpu_id]:
                self._take_health(session, gpu_id, now_s)

    def _take_health(self, session: "Session", gpu_id: str, now_s: float) -> None:
        while self._due_s[gpu_id] <= now_s:
            self._due_s[gpu_id] += HEALTH_S
        found = session.health(gpu_id)
        if found is not None:
            self._health[gpu_id] = (found, now_s)
            self._divided_anew |= session.divided_anew(gpu_id)

    def _facts(self, samples: dict[str, GpuSample], *, otherwise: str) -> Facts:
        now_s = self._clock()
        gpus = tuple(
            samples.get(gpu_id) or GpuSample(gpu_id, "lost" if otherwise == "lost" else "error", age_s=0.0)
            for gpu_id in self._known
        )
        health = tuple(
            self._health[gpu_id][0]._replace(age_s=now_s - self._health[gpu_id][1])
            for gpu_id in self._known
            if gpu_id in self._health
        )
        bad = [gpu.gpu_id for gpu in gpus if gpu.status != "ok"]
        return Facts(
            gpus=gpus,
            gpu_health=health,
            gpu_inventory=tuple(self._known.values()),
            ancestors=self._ancestors_of(health),
            trouble=f"no answer from {', '.join(bad)}" if bad else "",
        )

    def _ancestors_of(self, health: Iterable[GpuHealth]) -> Mapping[int, tuple[int, ...]]:
        """Look once at where each process comes from."""
        pids = {process.pid for one in health for process in one.processes}
        known = self._ancestry
        self._ancestry = {pid: known[pid] if pid in known else self._ancestors(pid) for pid in pids}
        return self._ancestry


def _session_type() -> "type[Session]":
    """Import pynvml, where there is a library for it to use.

    Raises:
        SensorAbsent: there is none.
    """
    if sys.platform == "darwin":
        raise SensorAbsent("NVIDIA has no driver for macOS")
    if sys.platform != "win32":
        try:
            ctypes.CDLL(LIBRARY)
        except OSError as exc:
            remedy = "install the NVIDIA driver, or give the container access to the GPUs"
            raise SensorAbsent(f"no NVIDIA driver: {LIBRARY} is not installed", remedy) from exc
    from producers.node.sensors.nvml_session import Session

    _trim()
    return Session


def _trim() -> None:
    """Give memory back: where bytecode cannot be kept, compiling pynvml leaves 12 MB with the allocator."""
    with contextlib.suppress(OSError, AttributeError):  # only glibc can
        ctypes.CDLL(None).malloc_trim(0)


def sources() -> tuple[Blocking, Blocking]:
    """Read devices and events every second, each in its thread."""
    events = GpuEvents()
    return Blocking("nvml", Nvml(events=events).read, period_s=1.0), gpu_events.source(events)
