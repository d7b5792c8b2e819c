"""What a collector reads, and how it says that there is nothing to read."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.errors import PenstockError
from schemas.events.node_registered import GpuInventory, RuntimeInventory
from schemas.events.node_sample import GpuHealth, GpuSample, RuntimeSample, SensorTemperature


class SensorAbsent(PenstockError):
    """This machine has no such thing; it may come later, as a driver does."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy


class SensorForbidden(PenstockError):
    """It is there, and we may not read it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.remedy = remedy


class Xid(NamedTuple):
    """An error that an NVIDIA driver reported; ``number`` counts those this run has seen."""

    number: int
    gpu_id: str
    code: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What one run of one collector read; the parts it does not concern stay empty.

    ``host`` maps fields of HostSample to readings. Ages within the parts are as of the reading: the sample
    adds the time since. Counts of runtimes are running totals, ``interval_s`` too: the sample takes the
    differences. An unknown reading is NaN, never zero.
    """

    host: Mapping[str, float | str | tuple[float, ...]] = field(default_factory=dict)
    gpus: tuple[GpuSample, ...] = ()
    gpu_health: tuple[GpuHealth, ...] = ()
    xids: tuple[Xid, ...] = ()
    runtimes: tuple[RuntimeSample, ...] = ()
    temperatures: tuple[SensorTemperature, ...] = ()
    ancestors: Mapping[int, tuple[int, ...]] = field(default_factory=dict)  # of a process, its parent first
    gpu_inventory: tuple[GpuInventory, ...] = ()
    runtime_inventory: tuple[RuntimeInventory, ...] = ()
    trouble: str = ""  # why what was read does not work as it should; shown as an error of the collector


@dataclass(frozen=True, slots=True)
class Blocking:
    """A source whose ``read`` may block: it gets a thread of its own."""

    name: str
    read: Callable[[], Facts]
    period_s: float
    timeout_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A source whose ``read`` awaits the network: it gets a task of its own."""

    name: str
    read: Callable[[], Awaitable[Facts]]
    close: Callable[[], Awaitable[None]]
    period_s: float
    timeout_s: float = 3.0


Source = Blocking | Waiting
