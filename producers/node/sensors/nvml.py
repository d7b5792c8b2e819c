"""NVIDIA GPUs by NVML, every device, in one thread: a driver that hangs hangs every call alike.

The live readings are taken each second; the slow ones of one device after another, so that each is at most
``HEALTH_S`` old. A device that falls off the bus stays in the facts as lost; NVML is then opened anew every
``REOPEN_S`` to see it come back. pynvml is imported only where a driver's library is: it costs 15 MB.
"""

import contextlib
import ctypes
import logging
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from producers.node.source import Blocking, Facts, SensorAbsent, Xid
from schemas.events.node_registered import GpuInventory
from schemas.events.node_sample import GpuHealth, GpuSample

if TYPE_CHECKING:
    from producers.node.sensors.nvml_session import Session

LIBRARY = "libnvidia-ml.so.1"
HEALTH_S = 10.0
REOPEN_S = 10.0
_XIDS_KEPT = 64

logger = logging.getLogger(__name__)


class Nvml:
    """All NVIDIA devices of the machine; ``clock`` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._session: Session | None = None
        self._known: dict[str, GpuInventory] = {}
        self._health: dict[str, tuple[GpuHealth, float]] = {}
        self._xids: deque[Xid] = deque(maxlen=_XIDS_KEPT)
        self._xid_number = 0
        self._opened_s = self._next_open_s = float("-inf")

    def read(self) -> Facts:
        """Return the facts of every device that was ever seen.

        Raises:
            SensorAbsent: there is no driver, and never was one in this run.
        """
        from_driver: dict[str, GpuSample] = {}
        try:
            session = self._opened()
            from_driver = session.samples()
            self._refresh_health(session)
            self._note_xids(session)
        except SensorAbsent:
            if not self._known:
                raise
            return self._facts({}, otherwise="error")
        if from_driver.keys() != self._known.keys() and self._clock() - self._opened_s >= REOPEN_S:
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
            self._known |= self._session.inventory
        return self._session

    def _close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _refresh_health(self, session: "Session") -> None:
        """Read the device whose slow readings are the oldest, if they are due."""
        now_s = self._clock()
        last = {
            gpu_id: self._health[gpu_id][1] if gpu_id in self._health else -1.0 for gpu_id in session.present
        }
        if not last:
            return
        oldest = min(last, key=lambda gpu_id: last[gpu_id])
        spread_s = HEALTH_S / len(last)
        if oldest in self._health and now_s - last[oldest] < HEALTH_S - spread_s:
            return
        found = session.health(oldest)
        if found is not None:
            self._health[oldest] = (found, now_s)

    def _note_xids(self, session: "Session") -> None:
        for gpu_id, code in session.xids():
            self._xid_number += 1
            self._xids.append(Xid(self._xid_number, gpu_id, code))
            logger.warning("NVIDIA driver: XID %d on %s", code, gpu_id)

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
            xids=tuple(self._xids),
            gpu_inventory=tuple(self._known.values()),
            trouble=f"no answer from {', '.join(bad)}" if bad else "",
        )


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


def source() -> Blocking:
    """Read every second."""
    return Blocking("nvml", Nvml().read, period_s=1.0)
