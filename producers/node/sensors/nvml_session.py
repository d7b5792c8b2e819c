"""NVML from opening to closing: the devices it enumerates, and what the driver tells of them."""

import contextlib
import logging
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import TypeVar

import pynvml

from producers.node.sensors import nvml_health, nvml_inventory, nvml_mig, nvml_readings
from producers.node.sensors.nvml_device import UNREADABLE, Device, DriverGone, GpuLost
from producers.node.sensors.nvml_events import EventSet
from producers.node.sensors.nvml_mig import Instance
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
        "the driver was updated while it ran: reload its module or reboot, and restart the agent",
    ),
    pynvml.NVML_ERROR_NO_PERMISSION: (
        "the NVIDIA devices may not be opened",
        "let the agent's user read /dev/nvidia*",
    ),
}


# A device of the machine that is not given to us, as to a container; or that has no power.
_NOT_OURS = frozenset({pynvml.NVML_ERROR_NO_PERMISSION, pynvml.NVML_ERROR_INSUFFICIENT_POWER})

logger = logging.getLogger(__name__)


class Session:
    """An opened NVML. ``gone``: the driver went away, open another. ``complete``: all its devices are listed.

    Raises:
        SensorAbsent: the driver is not loaded or cannot be used.
    """

    def __init__(self) -> None:
        self._init()
        self.gone = False
        self.complete = True
        self._devices: dict[str, Device] = {}
        self._instances: dict[str, Instance] = {}
        self.inventory: dict[str, GpuInventory] = {}
        try:
            self._enumerate()
            self.events = self._register_events()
        except (pynvml.NVMLError, DriverGone) as exc:
            self.close()
            raise SensorAbsent(f"NVML does not list its devices: {exc}") from exc

    @property
    def present(self) -> AbstractSet[str]:
        """``gpu_id`` of the devices and MIG instances that NVML lists and that are not lost."""
        return self._devices.keys() | self._instances.keys()

    def samples(self) -> dict[str, GpuSample]:
        """Return the readings of every device that is there; a lost one is left out from then on."""
        found = {gpu_id: self._of(gpu_id, self._sample) for gpu_id in self.inventory}
        return {gpu_id: one for gpu_id, one in found.items() if one is not None}

    def health(self, gpu_id: str) -> GpuHealth | None:
        """Return the slow readings of a device; none when it is lost meanwhile."""
        return self._of(gpu_id, self._health)

    def divided_anew(self, gpu_id: str) -> bool:
        """Return whether a GPU has other MIG instances than when NVML was opened."""
        if gpu_id not in self._devices:
            return False
        known = {each.uuid for each in self.inventory.values() if each.mig_parent == gpu_id}
        return self._of(gpu_id, self._uuids) not in (known, None)

    def close(self) -> None:
        """Let go of NVML."""
        for instance in self._instances.values():
            instance.close()
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()

    def _init(self) -> None:
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as exc:
            reason, remedy = _ABSENT.get(exc.value, (f"NVML does not start: {exc}", "try nvidia-smi"))
            raise SensorAbsent(reason, remedy) from exc

    def _enumerate(self) -> None:
        driver = _driver_version()
        for index in range(pynvml.nvmlDeviceGetCount()):
            try:
                self._add(Device(pynvml.nvmlDeviceGetHandleByIndex(index), index), driver)
            except GpuLost:  # it is not listed
                self.complete = False
            except pynvml.NVMLError as exc:
                self.complete &= exc.value in _NOT_OURS

    def _add(self, device: Device, driver: str) -> None:
        whole = nvml_inventory.inventory(device, driver)
        if not self._list(whole):
            return
        self._devices[whole.gpu_id] = device
        for each in nvml_mig.devices(device):
            instance = Instance(device, whole, each)
            if self._list(instance.facts):
                self._instances[instance.facts.gpu_id] = instance

    def _list(self, facts: GpuInventory) -> bool:
        """List what can be told from the others."""
        if facts.gpu_id in self.inventory:
            logger.error("two NVIDIA devices share the id %s: only the first is read", facts.gpu_id)
            return False
        if not facts.uuid:
            self.complete = False
            return False
        self.inventory[facts.gpu_id] = facts
        return True

    def _register_events(self) -> EventSet | SensorAbsent:
        try:
            return EventSet(self._devices)
        except SensorAbsent as exc:
            return exc

    def _sample(self, gpu_id: str) -> GpuSample:
        if gpu_id in self._instances:
            return self._instances[gpu_id].sample()
        return nvml_readings.sample(self._devices[gpu_id], self.inventory[gpu_id])

    def _health(self, gpu_id: str) -> GpuHealth:
        if gpu_id in self._instances:
            return self._instances[gpu_id].health()
        divided = any(each.facts.mig_parent == gpu_id for each in self._instances.values())
        return nvml_health.health(self._devices[gpu_id], self.inventory[gpu_id], divided=divided)

    def _uuids(self, gpu_id: str) -> set[str]:
        return {nvml_mig.uuid(each) for each in nvml_mig.devices(self._devices[gpu_id])}

    def _of(self, gpu_id: str, call: Callable[[str], Found]) -> Found | None:
        """Return what the call reads; none when the device is lost, which it is from then on."""
        if gpu_id not in self.present:
            return None
        try:
            return call(gpu_id)
        except GpuLost:
            self._devices.pop(gpu_id, None)
            if instance := self._instances.pop(gpu_id, None):
                instance.close()
            return None
        except DriverGone as exc:
            self.gone = True
            raise SensorAbsent("the NVIDIA driver was unloaded", "load it: modprobe nvidia") from exc


def _driver_version() -> str:
    try:
        return str(pynvml.nvmlSystemGetDriverVersion())
    except (pynvml.NVMLError, *UNREADABLE):
        return ""
