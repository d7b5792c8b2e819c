"""CPU use and load: psutil ``cpu_percent`` and ``getloadavg``; in a container with a limit, of that limit."""

import time
from pathlib import Path

import psutil

from producers.node import cgroup
from producers.node.rate import Rates
from producers.node.source import Blocking, Facts
from schemas.events.reading import NAN


class CpuLimit:
    """What a control group uses of the CPUs it may use."""

    def __init__(self, root: Path = cgroup.ROOT) -> None:
        self._root = root
        self._rates = Rates()

    def ratio(self, now_s: float) -> float | None:
        """Return the use since the last call, 0..1 of the limit; none without a limit, NaN at first."""
        limit, used_s = cgroup.cpu_limit(self._root), cgroup.cpu_used_s(self._root)
        if limit is None or used_s is None:
            return None
        return self._rates.per_second(now_s, {"cpu": used_s})["cpu"] / limit


class Cpu:
    """Use since the last reading; psutil's first answer has nothing before it and means nothing.

    ``limit`` is none outside a container: there the machine's CPUs are what counts.
    """

    def __init__(self, limit: CpuLimit | None, *, per_core: bool = False) -> None:
        self._limit = limit
        self._per_core = per_core
        self._primed = False

    def read(self) -> Facts:
        """Return use, load, and the use of every CPU where it is asked for."""
        percent = psutil.cpu_percent(interval=None)
        cores = psutil.cpu_percent(interval=None, percpu=True) if self._per_core else []
        primed, self._primed = self._primed, True
        limited = self._limit.ratio(time.monotonic()) if self._limit else None
        whole = percent / 100 if primed else NAN
        return Facts(
            host={
                "cpu_ratio": whole if limited is None else limited,
                "load_1m": psutil.getloadavg()[0],
                "cpu_core_ratios": tuple(core / 100 for core in cores) if primed else (),
            }
        )


def source(limit: CpuLimit | None, *, per_core: bool) -> Blocking:
    """Read every second."""
    return Blocking("cpu", Cpu(limit, per_core=per_core).read, period_s=1.0)
