"""What the NVIDIA driver reports by itself, taken in a thread of its own and kept for the samples.

With a GPU that hangs the readings stop, and its XID says why. NVML is opened once in a process and is closed
only when its last user lets go of it, so the thread that reads the devices opens and closes the events too.
"""

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

from producers.node.source import Blocking, Facts, SensorAbsent, Xid
from schemas.errors import PenstockError

if TYPE_CHECKING:
    from producers.node.sensors.nvml_events import EventSet

# A GPU in trouble may report hundreds a second; the last ones are kept, each once.
XIDS_KEPT = 64
_OPENING_S = 1.5
# A poll takes microseconds, unless the driver hangs: then its set is left to it.
_LET_GO_S = 1.0

logger = logging.getLogger(__name__)


class EventsUnreadable(PenstockError):
    """The driver has events, and does not tell them."""


class GpuEvents:
    """Shared by two threads: one opens and closes the driver, the other takes its events."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._decided = threading.Event()
        self._events: EventSet | None = None
        self._absent = SensorAbsent("the NVIDIA driver is not open")
        self._xids: deque[Xid] = deque(maxlen=XIDS_KEPT)
        self._number = 0
        self._looks: deque[str] = deque(maxlen=XIDS_KEPT)

    def opened(self, events: "EventSet | SensorAbsent") -> None:
        """Take events from here on; or from nowhere, and why."""
        if isinstance(events, SensorAbsent):
            self._absent = events
        else:
            self._events = events
        self._decided.set()

    def closing(self, why: SensorAbsent) -> None:
        """Let go of the events, before NVML is closed."""
        self._absent = why
        held = self._lock.acquire(timeout=_LET_GO_S)
        events, self._events = self._events, None
        if held:
            if events is not None:
                events.close()
            self._lock.release()

    def looks(self) -> frozenset[str]:
        """Return the ``gpu_id`` of the devices that had an event since the last call."""
        found = set()
        while self._looks:
            found.add(self._looks.popleft())
        return frozenset(found)

    def read(self) -> Facts:
        """Return the XIDs of this run, the last of them.

        Raises:
            SensorAbsent: there is no driver, or it reports no events; and there never was any.
        """
        self._decided.wait(_OPENING_S)
        with self._lock:
            trouble = self._taken()
        if trouble is self._absent and not self._xids:
            raise SensorAbsent(str(trouble), self._absent.remedy)
        return Facts(xids=tuple(self._xids), trouble=str(trouble or ""))

    def _taken(self) -> PenstockError | None:
        """Take the events; return why that is not possible."""
        if self._events is None:
            return self._absent
        try:
            events = self._events.drain()
        except EventsUnreadable as exc:
            return exc
        for event in events:
            logger.warning("NVIDIA driver: %s on %s", event.what, event.gpu_id)
            self._looks.append(event.gpu_id)
            if event.xid is not None:
                self._number += 1
                self._xids.append(Xid(self._number, event.gpu_id, event.xid))
        return None


def source(events: GpuEvents) -> Blocking:
    """Read every second."""
    return Blocking("nvml_events", events.read, period_s=1.0)
