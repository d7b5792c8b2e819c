"""NVML's set of events: XIDs, and others that say that a device needs a look."""

import contextlib
import ctypes
import functools
import logging
import operator
from collections.abc import Mapping
from typing import Any, NamedTuple

import pynvml

from producers.node.sensors.gpu_events import EventsUnreadable
from producers.node.sensors.nvml_device import Device, GpuLost
from producers.node.source import SensorAbsent

_XID = pynvml.nvmlEventTypeXidCriticalError
# What they say is in the slow readings of the device, which are then taken at once.
_OTHERS = {
    pynvml.nvmlEventTypeDoubleBitEccError: "uncorrectable ECC error",
    pynvml.nvmlEventTypeSingleBitEccErrorStorm: "storm of corrected ECC errors",
    pynvml.nvmlEventTypeDramRetirementEvent: "memory retired",
    pynvml.nvmlEventTypeDramRetirementFailure: "memory not retired",
    pynvml.nvmlEventTypeNonFatalPoisonError: "poisoned memory",
    pynvml.nvmlEventTypeFatalPoisonError: "poisoned memory, fatal",
    pynvml.nvmlEventTypeGpuUnavailableError: "GPU unavailable",
    pynvml.nvmlEventTypeGpuRecoveryAction: "GPU needs recovery",
    pynvml.nvmlEventMigConfigChange: "MIG instances changed",
}
_WANTED = _XID | functools.reduce(operator.or_, _OTHERS)
_MOST_AT_ONCE = 256
_MOST_CODE = 2**31 - 1

logger = logging.getLogger(__name__)


class Event(NamedTuple):
    """``xid`` is none where it is another event; ``what`` says which."""

    gpu_id: str
    xid: int | None
    what: str


class EventSet:
    """The events of the devices that report any. Valid while NVML stays open.

    Raises:
        SensorAbsent: none of them does.
    """

    def __init__(self, devices: Mapping[str, Device]) -> None:
        try:
            self._set = pynvml.nvmlEventSetCreate()
        except pynvml.NVMLError as exc:
            raise SensorAbsent(f"the NVIDIA driver reports no events: {exc}") from exc
        registered = {gpu_id for gpu_id, device in devices.items() if self._registered(device)}
        self._gpu_ids = {_address(devices[gpu_id].handle): gpu_id for gpu_id in registered}
        if not registered:
            self.close()
            raise SensorAbsent("no NVIDIA device here reports events")

    def drain(self) -> tuple[Event, ...]:
        """Return what the driver reported since the last call, without waiting for more.

        Raises:
            EventsUnreadable: the driver does not say.
        """
        found: list[Event | None] = []
        try:
            while len(found) < _MOST_AT_ONCE:
                found.append(self._event(pynvml.nvmlEventSetWait_v2(self._set, 0)))
        except pynvml.NVMLError as exc:
            if exc.value != pynvml.NVML_ERROR_TIMEOUT and not found:
                raise EventsUnreadable(f"the NVIDIA driver does not tell its events: {exc}") from exc
        return tuple(event for event in found if event is not None)

    def close(self) -> None:
        """Let go of the set."""
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlEventSetFree(self._set)

    def _event(self, raw: Any) -> Event | None:  # noqa: ANN401 - a structure of ctypes
        gpu_id = self._gpu_ids.get(_address(raw.device))
        code = int(raw.eventData)
        if gpu_id is None or (raw.eventType == _XID and code > _MOST_CODE):
            logger.warning("NVIDIA driver: an event that cannot be read: type %#x, %d", raw.eventType, code)
            return None
        if raw.eventType == _XID:
            return Event(gpu_id, code, f"XID {code}")
        return Event(gpu_id, None, _OTHERS.get(raw.eventType, f"event {raw.eventType:#x}"))

    def _registered(self, device: Device) -> bool:
        """Register what the device supports of what is wanted; where it does not say, XIDs alone."""
        with contextlib.suppress(GpuLost):
            supported = device.ask("event types", pynvml.nvmlDeviceGetSupportedEventTypes)
            wanted = _XID if supported is None else supported & _WANTED
            with contextlib.suppress(pynvml.NVMLError):
                pynvml.nvmlDeviceRegisterEvents(device.handle, wanted, self._set)
                return bool(wanted)
        return False


def _address(handle: Any) -> int | None:  # noqa: ANN401 - a pointer of ctypes
    return ctypes.cast(handle, ctypes.c_void_p).value
