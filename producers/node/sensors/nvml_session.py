"""NVML from opening to closing: the devices it enumerates, and what the driver tells of them."""

import contextlib
import ctypes
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import pynvml

from producers.node.sensors import nvml_readings
from producers.node.sensors.nvml_device import Device, DriverGone, GpuLost
from producers.node.source import SensorAbsent
from schemas.events.node_registered import GpuInventory
from schemas.events.node_sample import GpuHealth, GpuSample

Found = TypeVar("Found")

_ABSENT = {
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: (
        "the NVIDIA driver is installed and not loaded",
        "load it: modprobe nvidia; after an update of the driver, reboot",
    ),
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: (
        "the NVIDIA library and kernel module are of different versions",
        "reload the module or reboot: the driver was updated while it ran",
    ),
    pynvml.NVML_ERROR_NO_PERMISSION: (
        "the NVIDIA devices may not be opened",
        "let the agent's user read /dev/nvidia*",
    ),
}


class Session:
    """An opened NVML. ``gone``: the driver went away, open another.

    Raises:
        SensorAbsent: the driver is not loaded or cannot be used.
    """

    def __init__(self) -> None:
        self._init()
        self.gone = False
        self._devices: dict[str, Device] = {}
        self.inventory: dict[str, GpuInventory] = {}
        try:
            self._enumerate()
        except (pynvml.NVMLError, DriverGone) as exc:
            self.close()
            raise SensorAbsent(f"NVML does not list its devices: {exc}") from exc
        self._events = self._register_events()

    @property
    def present(self) -> Mapping[str, Device]:
        """The devices that NVML lists and that are not lost, by ``gpu_id``."""
        return self._devices

    def samples(self) -> dict[str, GpuSample]:
        """Return the readings of every device that is there; a lost one is left out from then on."""
        found = {gpu_id: self._read(gpu_id, nvml_readings.sample) for gpu_id in tuple(self._devices)}
        return {gpu_id: one for gpu_id, one in found.items() if one is not None}

    def health(self, gpu_id: str) -> GpuHealth | None:
        """Return the slow readings of a device; none when it is lost meanwhile."""
        return self._read(gpu_id, nvml_readings.health)

    def xids(self) -> Iterator[tuple[str, int]]:
        """Yield ``gpu_id`` and code of each XID that the driver reported since the last call."""
        by_handle = {_address(device.handle): gpu_id for gpu_id, device in self._devices.items()}
        while self._events is not None:
            try:
                event = pynvml.nvmlEventSetWait_v2(self._events, 0)
            except pynvml.NVMLError as exc:
                if exc.value != pynvml.NVML_ERROR_TIMEOUT:
                    self._events = None
                return
            yield by_handle.get(_address(event.device), ""), int(event.eventData)

    def close(self) -> None:
        """Let go of NVML."""
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()

    def _init(self) -> None:
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as exc:
            reason, remedy = _ABSENT.get(exc.value, (f"NVML does not start: {exc}", "try nvidia-smi"))
            raise SensorAbsent(reason, remedy) from exc

    def _enumerate(self) -> None:
        driver = pynvml.nvmlSystemGetDriverVersion()
        for index in range(pynvml.nvmlDeviceGetCount()):
            with contextlib.suppress(pynvml.NVMLError, GpuLost):  # one that is lost is not listed
                device = Device(pynvml.nvmlDeviceGetHandleByIndex(index), index)
                found = nvml_readings.inventory(device, driver)
                if found.uuid:
                    self._devices[found.gpu_id] = device
                    self.inventory[found.gpu_id] = found

    def _register_events(self) -> Any:  # noqa: ANN401 - a pointer of ctypes
        try:
            events = pynvml.nvmlEventSetCreate()
            for device in self._devices.values():
                pynvml.nvmlDeviceRegisterEvents(device.handle, pynvml.nvmlEventTypeXidCriticalError, events)
        except pynvml.NVMLError:  # not supported here: then there are none
            return None
        return events

    def _read(self, gpu_id: str, call: Callable[[Device, GpuInventory], Found]) -> Found | None:
        """Return what the call reads; none when the device is lost, which it is from then on."""
        try:
            return call(self._devices[gpu_id], self.inventory[gpu_id])
        except GpuLost:
            del self._devices[gpu_id]
            return None
        except DriverGone as exc:
            self.gone = True
            raise SensorAbsent("the NVIDIA driver was unloaded", "load it: modprobe nvidia") from exc


def _address(handle: Any) -> int | None:  # noqa: ANN401 - a pointer of ctypes
    return ctypes.cast(handle, ctypes.c_void_p).value
